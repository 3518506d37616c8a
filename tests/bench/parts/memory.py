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


def paper(rows, tools_of_each=100):
    """A paper of `rows` registry rows: toolkits at one vendor, each with its tools."""
    lines = []
    for number in range(rows // tools_of_each):
        lines.append(f"- {{toolkit: kit{number}, vendor: composio, status: LIVE}}")
        lines += [f"- {{tool: kit{number}_do_{tool}, toolkit: kit{number}, vendor: composio,"
                  f" vendor_tool: KIT{number}_DO_{tool}, match: exact, effect: read}}"
                  for tool in range(tools_of_each - 1)]
    return "\n".join(lines) + "\n"


def _at_rest(place):
    upstream = servers.vendor(place)
    target = servers.gateway(place, upstream, threads="auto", rows=paper(ROWS - 2)).wait_ready()
    load.run(place, target, connections=8, count=2000)
    time.sleep(2)
    figures = {"rows": ROWS, "threads": os.cpu_count(), "rss_kib": target.running.rss_kib(),
               "heap_kib": target.running.rss_kib("RssAnon")}
    place.stop(target.running)
    place.stop(upstream.running)
    return figures


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
    with Workplace(options.build) as place:
        rest = _at_rest(place)
    return {"at_rest": rest, "in_flight": {kind: _in_flight(options, kind) for kind in KINDS},
            "flat": _flatness(options)}


def tables(figures):
    rest, flat = figures["at_rest"], figures["flat"]
    rows = [[kind, f"{f['in_flight']}", f"{f['at_vendor']}", f"{f['before_kib'] / 1024:.1f}",
             f"{f['during_kib'] / 1024:.1f}", f"{f['kib_per_call']:.1f}"] for kind, f in figures["in_flight"].items()]
    return [{"title": f"Resident with {rest['rows']} rows, at rest after 2,000 calls, and over {flat['calls']} calls",
             "head": ["", "MiB"],
             "rows": [[f"at rest, {rest['threads']} threads", f"{rest['rss_kib'] / 1024:.1f}"],
                      ["of it our own, the rest is libraries and files", f"{rest['heap_kib'] / 1024:.1f}"],
                      ["over many calls, first quarter once warm", f"{flat['first_kib'] / 1024:.1f}"],
                      ["over many calls, last quarter", f"{flat['last_kib'] / 1024:.1f}"]]},
            {"title": "Calls in flight, by what is spoken to the vendor",
             "head": ["", "in flight", "at the vendor", "before, MiB", "with them, MiB", "KiB a call"], "rows": rows}]


def verdicts(figures):
    flight = figures["in_flight"]
    return [(f"resident with {ROWS} rows", figures["at_rest"]["rss_kib"] / 1024, 20, "MiB"),
            (f"a call in flight, of {IN_FLIGHT}, {KINDS[0]}", flight[KINDS[0]]["kib_per_call"], 28, "KiB"),
            (f"a call in flight, of {IN_FLIGHT}, {KINDS[1]}", flight[KINDS[1]]["kib_per_call"], 32, "KiB"),
            (f"growth over {figures['flat']['calls']} calls once warm", figures["flat"]["grown_kib"] / 1024, 1, "MiB")]
