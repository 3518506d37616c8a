"""The servers that relay the same call: nginx, HAProxy, the bare relay, the gateway; and the vendor.

Each function starts one and returns a Target. All relay one POST of some 330 bytes to a vendor that
answers some 300 bytes, over kept loopback connections, with one worker or thread.
"""
import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass, field

from process import Failure, Running, free_port, program, wait_until

BODY = json.dumps({"tool": "echo_echo", "user_id": "user_123",
                   "arguments": {"query": "is:unread", "max_results": 5, "text": "x" * 200}}).encode()
ANSWER = json.dumps({"data": {"messages": [{"id": i, "subject": "hello"} for i in range(6)]},
                     "error": None, "successful": True, "log_id": "log_bench"})
VENDOR_PATH = "/api/v3.1/tools/execute/ECHO_ECHO"
KEY = "Bearer sy_live_bench"


@dataclass
class Target:
    name: str
    running: Running
    url: str
    headers: dict = field(default_factory=dict)
    body: bytes = BODY
    expect: bytes = b"messages"

    def answers(self):
        request = urllib.request.Request(self.url, self.body, {"Content-Type": "application/json", **self.headers})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status == 200 and self.expect in reply.read()
        except OSError:
            return False

    def wait_ready(self, seconds=30):
        wait_until(f"{self.name} does not answer 200 at {self.url}", self.answers, self.running, seconds)
        return self


def nginx(place, name, http, wrap=(), main=""):
    """An nginx with one worker; `wrap` is a command to run it under, which makes it one process."""
    here = place.fresh_folder(name)
    temps = "".join(f"{kind}_temp_path {here}/{kind};" for kind in
                    ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    single = "master_process off;" if wrap else ""
    with open(f"{here}/nginx.conf", "w") as f:
        f.write(f"daemon off; {single} worker_processes 1; worker_rlimit_nofile 20000; {main}"
                f" pid {here}/pid; error_log stderr crit;\nevents {{ worker_connections 16384; }}\n"
                f"http {{ access_log off; {temps} keepalive_requests 100000000;"
                f" client_body_buffer_size 64k;\n{http}\n}}\n")
    return place.start(name, [*wrap, program("nginx", "nginx-light"), "-p", here, "-c", f"{here}/nginx.conf"])


def vendor(place):
    """The vendor: a fixed answer, the cheapest there is."""
    port = free_port()
    running = nginx(place, "vendor", f"server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json;"
                                     f" location / {{ return 200 '{ANSWER}'; }} }}")
    return Target("vendor", running, f"http://127.0.0.1:{port}{VENDOR_PATH}").wait_ready()


def _pool(upstream):
    host = upstream.url.split("/")[2]
    return (f"upstream u {{ server {host}; keepalive 512; }}",
            f"proxy_pass http://u{VENDOR_PATH}; proxy_http_version 1.1; proxy_set_header Connection '';")


def nginx_relay(place, upstream, wrap=()):
    port = free_port()
    pool, hop = _pool(upstream)
    running = nginx(place, "nginx relay",
                    f"{pool} server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {hop} }} }}", wrap)
    return Target("nginx relay", running, f"http://127.0.0.1:{port}/")


def nginx_key(place, upstream, wrap=()):
    """nginx with what a gateway cannot leave out: key check, rate limit, a JSON line a call."""
    port = free_port()
    pool, hop = _pool(upstream)
    log = os.path.join(place.fresh_folder("access"), "access.json")
    running = nginx(place, "nginx relay, key + limit + log",
                    f"{pool} map $http_authorization $known {{ default 0; '{KEY}' 1; }}\n"
                    "limit_req_zone $http_authorization zone=t:1m rate=1000000r/s;\n"
                    'log_format j escape=json \'{"at":"$time_iso8601","status":$status,"bytes":$body_bytes_sent,'
                    '"time":$request_time,"request":"$request","upstream":"$upstream_response_time"}\';\n'
                    f"server {{ listen 127.0.0.1:{port} backlog=4096; access_log {log} j; location / {{"
                    f" if ($known = 0) {{ return 401; }} limit_req zone=t burst=100000 nodelay; {hop} }} }}", wrap)
    return Target("nginx, key + limit + log", running, f"http://127.0.0.1:{port}/", {"Authorization": KEY})


def haproxy(place, upstream):
    """HAProxy with the same job: key by header match, rate by stick table, a JSON line to a log."""
    port = free_port()
    here = place.fresh_folder("haproxy")
    host = upstream.url.split("/")[2]
    line = ('{"at":"%t","status":%ST,"bytes":%B,"time":%Ta,"request":"%HM %HP","upstream":"%Tr"}')
    with open(f"{here}/haproxy.cfg", "w") as f:
        f.write(f"""global
    nbthread 1
    maxconn 8000
    log stdout format raw local0 info
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend calls
    bind 127.0.0.1:{port} backlog 4096
    log global
    log-format '{line}'
    acl known req.hdr(authorization) -m str '{KEY}'
    http-request deny deny_status 401 unless known
    stick-table type string len 64 size 1k expire 60s store http_req_rate(1s)
    http-request track-sc0 req.hdr(authorization)
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000 }}
    http-request set-path {VENDOR_PATH}
    default_backend vendor
backend vendor
    http-reuse always
    server vendor {host} pool-max-conn 512
""")
    running = place.start("haproxy", [program("haproxy", "haproxy"), "-db", "-f", f"{here}/haproxy.cfg"])
    return Target("HAProxy, key + limit + log", running, f"http://127.0.0.1:{port}/", {"Authorization": KEY})


def bare_relay(place, upstream, wrap=()):
    port = free_port()
    running = place.start("bare relay", [*wrap, os.path.join(place.build, "tests", "bare-relay"),
                                         f"127.0.0.1:{port}", upstream.url])
    return Target("bare relay (edge + libcurl)", running, f"http://127.0.0.1:{port}/")


def gateway(place, upstream, wrap=(), threads=1, rows=None, env=None, prepare=None):
    """The gateway, with one row for the call; `rows` is a paper of more, `prepare(store)` may change
    the store's file before the start."""
    port, admin = free_port(), free_port()
    here = place.fresh_folder("gateway")
    base = upstream if isinstance(upstream, str) else upstream.url.split("/api/")[0]
    os.makedirs(f"{here}/policies")
    with open(f"{here}/switchyard.yaml", "w") as f:
        f.write(f"listen: 127.0.0.1:{port}\nadmin_listen: 127.0.0.1:{admin}\nthreads: {threads}\n"
                f"store: sqlite:switchyard.db\nlog: {{level: warn}}\n"
                f"vendors:\n  composio: {{base_url: {base}, api_key: env:BENCH_KEY}}\n")
    with open(f"{here}/policies/bench.yaml", "w") as f:
        f.write("version: 1\nlimits: {tenant: {rate: 1000000/s, burst: 1000000, in_flight: 100000}}\n")
    with open(f"{here}/rows.yaml", "w") as f:
        f.write("- {toolkit: echo, vendor: composio, status: LIVE}\n"
                "- {tool: echo_echo, toolkit: echo, vendor: composio, vendor_tool: ECHO_ECHO, match: exact,"
                " effect: read}\n")
        f.write(rows or "")
    environment = {**os.environ, "BENCH_KEY": "ak_bench", **(env or {})}
    tool = os.path.join(place.build, "switchyard")

    def command(*words):
        done = subprocess.run([tool, *words, "--config", f"{here}/switchyard.yaml"], env=environment, cwd=here,
                              check=False, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"switchyard {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    command("registry", "import", "rows.yaml")
    command("tenant", "create", "bench")
    key = command("key", "create", "--tenant", "bench", "--scopes", "call,registry").split()[0]
    if prepare:
        prepare(f"{here}/switchyard.db")
    running = place.start("switchyard", [*wrap, tool, "serve", "--config", f"{here}/switchyard.yaml"],
                          env=environment, cwd=here)
    target = Target("switchyard", running, f"http://127.0.0.1:{port}/v1/execute", {"Authorization": f"Bearer {key}"})
    target.folder, target.admin = here, f"http://127.0.0.1:{admin}"
    return target
