"""Memory: at rest with 30,000 rows, for a call in flight, and over many calls."""
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time

import load
import servers
from process import Failure, Workplace, free_port, program, wait_until

TITLE = "Memory"
ROWS = 30000
IN_FLIGHT = 5000
KINDS = ("plain HTTP/1.1", "HTTP/2 over TLS", "HTTP/1.1 over TLS")


def _toolkits(count):
    return "".join(f"- {{toolkit: kit{number}, vendor: composio, status: LIVE}}\n" for number in range(count))


def _tools(count):
    """A hundredth of them toolkits, the others their tools."""
    lines = []
    for number in range(count):
        kit = number // 100
        lines.append(f"- {{toolkit: kit{kit}, vendor: composio, status: LIVE}}" if number % 100 == 0 else
                     f"- {{tool: kit{kit}_do_{number}, toolkit: kit{kit}, vendor: composio,"
                     f" vendor_tool: KIT{kit}_DO_{number}, match: exact, effect: read}}")
    return "\n".join(lines) + "\n"


REGISTRIES = {"no rows but the seed's": "", f"{ROWS} toolkits' rows": _toolkits(ROWS),
              f"{ROWS} rows, tools' mostly": _tools(ROWS)}


def _at_rest(options, rows):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        target = servers.gateway(place, upstream, threads="auto", rows=rows).wait_ready()
        start = target.running.rss_kib()
        load.run(place, target, connections=8, count=2000)
        time.sleep(2)
        return {"start_kib": start, "rss_kib": target.running.rss_kib(),
                "own_kib": target.running.rss_kib("RssAnon"), "files_kib": target.running.rss_kib("RssFile")}


def _certificate(place):
    folder = place.fresh_folder("certificate")
    subprocess.run([program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    return f"{folder}/cert.pem", f"{folder}/key.pem"


def _in_front(place, port, kind):
    """The vendor's base URL and what the gateway's environment needs; nginx ends TLS."""
    if kind == KINDS[0]:
        return f"http://127.0.0.1:{port}", {}
    certificate, key = _certificate(place)
    tls = free_port()
    http2 = " http2" if "HTTP/2" in kind else ""
    servers.nginx(place, "tls", f"upstream u {{ server 127.0.0.1:{port}; keepalive 1; }} keepalive_timeout 600s;"
                                f" proxy_read_timeout 600s; server {{ listen 127.0.0.1:{tls} ssl{http2} backlog=4096;"
                                f" ssl_certificate {certificate}; ssl_certificate_key {key};"
                                " location / { proxy_pass http://u; proxy_http_version 1.1;"
                                " proxy_set_header Connection ''; } }")
    return f"https://127.0.0.1:{tls}", {"SSL_CERT_FILE": certificate}


def _waiting(state):
    try:
        with open(state, encoding="utf8") as f:
            return int(f.read() or 0)
    except FileNotFoundError:
        return 0


def _in_flight(options, kind):
    """Resident memory before and with so many calls waiting for their vendor."""
    with Workplace(options.build) as place:
        port, state = free_port(), place.path("waiting")
        holder = place.start("holding vendor", [sys.executable, "-B", os.path.join(os.path.dirname(servers.__file__), "holder.py"),
                                                str(port), state])
        base, env = _in_front(place, port, kind)
        target = servers.gateway(place, base, env=env)
        # The call's own deadline has to be later than ours.
        target.body = json.dumps({**json.loads(servers.BODY), "timeout_ms": 200000}).encode()
        wait_until("the vendor does not listen", lambda: os.path.exists(state), holder)
        # One call first: whether a vendor multiplexes is known from its first answer.
        target.wait_ready()
        holder.process.send_signal(signal.SIGUSR2)
        before = target.running.rss_kib()
        calls = {}

        def call():
            try:
                calls.update(load.run(place, target, connections=IN_FLIGHT, count=IN_FLIGHT, timeout=150))
            except Failure as failure:
                calls["failure"] = str(failure)

        caller = threading.Thread(target=call)
        caller.start()
        try:
            best, since = 0, time.monotonic()
            # All of them, or as many as the gateway lets through to this vendor at once.
            while "failure" not in calls and best < IN_FLIGHT and time.monotonic() - since < 10:
                now = _waiting(state)
                if now > best:
                    best, since = now, time.monotonic()
                time.sleep(0.1)
            time.sleep(1)
            during = target.running.rss_kib()
        finally:
            holder.process.send_signal(signal.SIGUSR1)
            caller.join()
        if "failure" in calls:
            raise Failure(f"{kind}: {calls['failure']}")
        return {"in_flight": IN_FLIGHT, "at_vendor": best, "before_kib": before, "during_kib": during,
                "after_kib": target.running.rss_kib(), "kib_per_call": (during - before) / IN_FLIGHT}


def _flatness(options):
    """Resident memory over many calls, without the first tenth, in which everything warms up."""
    count = options.flat_calls
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        target = servers.gateway(place, upstream).wait_ready()
        progress, samples, done = place.path("progress"), [], threading.Event()

        def watch():
            while not done.wait(0.1):
                samples.append((_waiting(progress), target.running.rss_kib()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            load.run(place, target, connections=64, count=count, progress=progress)
        finally:
            done.set()
            watcher.join()
    warm = [(at, kib) for at, kib in samples if at >= count / 10]
    quarter = max(1, len(warm) // 4)
    first, last = (statistics.median(kib for _, kib in part) for part in (warm[:quarter], warm[-quarter:]))
    return {"calls": count, "first_kib": first, "last_kib": last, "grown_kib": last - first,
            "samples": samples[::max(1, len(samples) // 100)]}


def run(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * IN_FLIGHT:
        raise Failure(f"{IN_FLIGHT} calls in flight need {3 * IN_FLIGHT} descriptors; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * IN_FLIGHT), hard))
    return {"at_rest": {name: _at_rest(options, rows) for name, rows in REGISTRIES.items()},
            "in_flight": {kind: _in_flight(options, kind) for kind in KINDS}, "flat": _flatness(options)}


def _mb(kib):
    return kib * 1024 / 1e6


def tables(figures):
    flat = figures["flat"]
    rest = [[name, f"{_mb(f['start_kib']):.1f}", f"{_mb(f['rss_kib']):.1f}", f"{_mb(f['own_kib']):.1f}",
             f"{_mb(f['files_kib']):.1f}"] for name, f in figures["at_rest"].items()]
    flight = [[kind, f"{f['in_flight']}", f"{f['at_vendor']}", f"{_mb(f['before_kib']):.1f}",
               f"{_mb(f['during_kib']):.1f}", f"{_mb(f['kib_per_call']) * 1000:.1f}"]
              for kind, f in figures["in_flight"].items()]
    return [{"title": f"Resident, MB (1,000,000 bytes), {os.cpu_count()} threads",
             "head": ["", "started", "at rest after 2,000 calls", "of it its own", "of it files: program and libraries"],
             "rows": rest},
            {"title": "Calls in flight, by what is spoken to the vendor",
             "head": ["", "in flight", "at the vendor", "before, MB", "with them, MB", "kB a call"], "rows": flight},
            {"title": f"Resident over {flat['calls']} calls, one thread, after the first tenth",
             "head": ["", "MB"], "rows": [["first quarter", f"{_mb(flat['first_kib']):.1f}"],
                                          ["last quarter", f"{_mb(flat['last_kib']):.1f}"]]}]


def verdicts(figures):
    flight, rest = figures["in_flight"], figures["at_rest"]
    fullest = max(rest, key=lambda name: rest[name]["rss_kib"])
    return [(f"resident at rest with {fullest}", _mb(rest[fullest]["rss_kib"]), 20, "MB"),
            (f"a call in flight, of {IN_FLIGHT}, {KINDS[0]}", _mb(flight[KINDS[0]]["kib_per_call"]) * 1000, 28, "kB"),
            (f"a call in flight, of {IN_FLIGHT}, {KINDS[1]}", _mb(flight[KINDS[1]]["kib_per_call"]) * 1000, 32, "kB"),
            ("of them let through to the vendor, the fewest", min(f["at_vendor"] for f in flight.values()), IN_FLIGHT,
             "calls", "at least"),
            (f"growth over {figures['flat']['calls']} calls once warm", _mb(figures["flat"]["grown_kib"]), 1, "MB")]
