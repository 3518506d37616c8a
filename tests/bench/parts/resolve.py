"""The resolver at every size of the registry, and what a reload does to calls at the largest."""
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import threading
import urllib.request

import load
import programs
import servers
from process import Failure, Unavailable, Workplace

TITLE = "Resolver and reload"
RELOADS_EVERY = 1.0


def fill(store, rows):
    """Puts so many registry rows into the store's file, as another tool would."""
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        names = [f"kit{number}" for number in range(rows)]
        db.executemany("INSERT INTO toolkits (toolkit, version) VALUES (?, 1)", ((name,) for name in names))
        db.executemany("INSERT INTO names (normalised, toolkit) VALUES (?, ?)", ((name, name) for name in names))
        live = db.execute("SELECT state FROM rows WHERE toolkit = 'echo'").fetchone()[0]
        db.executemany("INSERT INTO rows (toolkit, vendor, vendor_slug, state, auth_none, requested_at, due_at,"
                       " expires_at, changed_at) VALUES (?, 'composio', ?, ?, 0, 0, 0, 0, 0)",
                       ((name, name, live) for name in names))
        db.execute("UPDATE meta SET value = value + 1 WHERE name = 'registry_version'")


class Changes:
    """While the block runs: a policy reload and a registry write every second."""

    def __init__(self, target):
        self.target, self.stopped, self.done, self.failure = target, threading.Event(), 0, None

    def __enter__(self):
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _work(self):
        while not self.stopped.wait(RELOADS_EVERY / 2):
            try:
                os.kill(self.target.running.process.pid, signal.SIGHUP)
                if self.stopped.wait(RELOADS_EVERY / 2):
                    return
                self._write()
                self.done += 1
            except OSError as error:
                self.failure = error
                return

    def _write(self):
        url = f"{self.target.url.split('/v1/')[0]}/v1/registry/toolkits/kit0"
        with urllib.request.urlopen(urllib.request.Request(url, headers=self.target.headers), timeout=30) as reply:
            tag = reply.headers["ETag"]
        change = [{"vendor": "composio", "notes": f"change {self.done}"}]
        request = urllib.request.Request(url, json.dumps(change).encode(), {
            **self.target.headers, "Content-Type": "application/json", "If-Match": tag}, method="PATCH")
        with urllib.request.urlopen(request, timeout=30) as reply:
            reply.read()


def _reload(options):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        target = servers.gateway(place, upstream, prepare=lambda store: fill(store, options.reload_rows)).wait_ready(300)
        capacity = load.run(place, target, connections=options.connections, seconds=2, warm=0.5)["calls_per_s"]
        rate, runs, changes = capacity / 4, {"without": [], "with": []}, 0
        for number in range(options.rounds):
            for kind in ("without", "with") if number % 2 == 0 else ("with", "without"):
                with Changes(target) if kind == "with" else contextlib.nullcontext() as changing:
                    runs[kind].append(load.run(place, target, connections=options.connections * 2,
                                               seconds=max(options.seconds, 3), rate=rate, warm=0.5))
                if changing:
                    if changing.failure:
                        raise Failure(f"a registry write during the load failed: {changing.failure}")
                    changes += changing.done
        rss = target.running.rss_kib()
    medians = {kind: {point: statistics.median(r[point] for r in each)
                      for point in ("p50_us", "p99_us", "p999_us", "p9999_us", "us_per_call")}
               for kind, each in runs.items()}
    return {"rows": options.reload_rows, "rate": rate, "changes": changes, "rounds": runs, "medians": medians, "rss_kib": rss}


def run(options):
    try:
        alone, missing = programs.run(options, "bench-resolve"), None
    except Unavailable as absent:
        alone, missing = {}, str(absent)
    return {"alone": alone, "missing": missing, "reload": _reload(options)}


def _added(figures):
    medians = figures["reload"]["medians"]
    return medians["with"]["p9999_us"] - medians["without"]["p9999_us"]


def tables(figures):
    reload = figures["reload"]
    rows = [[f"{kind} reloads"] + [f"{reload['medians'][kind][point]:.0f}" for point in
                                   ("p50_us", "p99_us", "p999_us", "p9999_us")] for kind in ("without", "with")]
    return programs.tables(figures["alone"]) + [
        {"title": f"Latency in µs with {reload['rows']} rows at {reload['rate']:.0f} calls a second, without and with"
                  f" a reload and a registry write every second ({reload['changes']} of each);"
                  f" {reload['rss_kib'] / 1024:.0f} MiB resident",
         "head": ["", "p50", "p99", "p99.9", "p99.99"], "rows": rows}]


def verdicts(figures):
    return programs.verdicts(figures["alone"]) + [
        (f"reloads at {figures['reload']['rows']} rows, added to p99.99", _added(figures), 1000, "µs")]
