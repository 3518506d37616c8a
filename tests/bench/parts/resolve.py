"""The resolver at every size of the registry, and what a reload does to calls at the largest."""
import contextlib
import json
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import threading
import time
import urllib.request

import load
import programs
import servers
from process import Failure, Unavailable, Workplace, program, thread_seconds

TITLE = "Resolver and reload"
RELOADS_EVERY = 1.0
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
DECISIONS = 20_000


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


def _loop_ms(target, loop):
    """What the loop's thread spends on one reload and one registry write, nothing else to do."""
    def spent():
        return thread_seconds(target.running.process.pid, loop)

    time.sleep(2)
    start = spent()
    with Changes(target) as changes:
        time.sleep(6 * RELOADS_EVERY)
    if changes.failure or not changes.done:
        raise Failure(f"a registry write failed: {changes.failure}")
    used = spent() - start
    start = spent()
    time.sleep(6 * RELOADS_EVERY)
    return max(0.0, used - (spent() - start)) / changes.done * 1000


def _reload(options):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        target = servers.gateway(place, upstream, prepare=lambda store: fill(store, options.reload_rows)).wait_ready(300)
        full = load.run(place, target, connections=options.connections, seconds=2, warm=0.5)
        loop = full["busiest"][0][0]
        rate, runs, changes = full["calls_per_s"] / 4, {"without": [], "with": []}, 0
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
        loop_ms = _loop_ms(target, loop)
    medians = {kind: {point: statistics.median(r[point] for r in each)
                      for point in ("p50_us", "p99_us", "p999_us", "p9999_us", "us_per_call")}
               for kind, each in runs.items()}
    return {"rows": options.reload_rows, "rate": rate, "changes": changes, "rounds": runs, "medians": medians, "rss_kib": rss,
            "loop_ms": loop_ms}


def _instructions(options, rows, *which):
    """Of a decision, by callgrind: `decisions` is all that is counted."""
    with Workplace(options.build) as place:
        out = place.path("callgrind")
        done = subprocess.run([program("valgrind", "valgrind"), "--tool=callgrind", "--toggle-collect=decisions",
                               f"--callgrind-out-file={out}", programs.path(options, "bench-resolve"), "--count",
                               str(DECISIONS), str(rows), *which], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"bench-resolve under valgrind: {done.stderr.strip()[-400:]}")
        with open(out, encoding="utf8") as f:
            total = re.search(r"^(?:totals|summary): (\d+)", f.read(), re.M)
    if not total or int(total[1]) == 0:
        raise Failure("callgrind counted nothing in bench-resolve's decisions")
    return int(total[1]) / DECISIONS


def run(options):
    """The program by itself in alternating rounds of all sizes, then instructions, then reloads."""
    try:
        programs.path(options, "bench-resolve")
    except Unavailable as absent:
        return {"missing": str(absent), "sizes": [], "reload": _reload(options)}
    sizes = [size for size in SIZES if size <= options.reload_rows]
    rounds = [programs.figures_of(options, "bench-resolve", *sizes)["resolve"] for _ in range(options.rounds)]
    measured = [{key: statistics.median(each[number][key] for each in rounds) for key in rounds[0][number]}
                for number in range(len(sizes))]
    for size in measured:
        size["instructions"] = _instructions(options, int(size["rows"]))
        size["unknown_instructions"] = _instructions(options, int(size["rows"]), "unknown")
    return {"sizes": measured, "rounds": rounds, "reload": _reload(options)}


def _added(figures):
    medians = figures["reload"]["medians"]
    return medians["with"]["p9999_us"] - medians["without"]["p9999_us"]


def tables(figures):
    reload = figures["reload"]
    rows = [[f"{kind} reloads"] + [f"{reload['medians'][kind][point]:.0f}" for point in
                                   ("p50_us", "p99_us", "p999_us", "p9999_us")] for kind in ("without", "with")]
    sizes = {"title": "A decision by size of the registry",
             "head": ["rows", "ns, any of 65,536 questions", "ns, the same 256", "instructions",
                      "unknown toolkit: ns", "instructions", "bytes a row", "build ms", "edit ms"],
             "rows": [[f"{s['rows']:.0f}", f"{s['cold_ns']:.0f}", f"{s['warm_ns']:.0f}", f"{s['instructions']:.0f}",
                       f"{s['unknown_cold_ns']:.0f}", f"{s['unknown_instructions']:.0f}",
                       f"{s['bytes_a_row']:.0f}", f"{s['build_us'] / 1000:.2f}", f"{s['edit_us'] / 1000:.3f}"]
                      for s in figures["sizes"]]}
    return ([sizes] if figures["sizes"] else []) + [
        {"title": f"Latency in µs with {reload['rows']} rows at {reload['rate']:.0f} calls a second, without and with"
                  f" a reload and a registry write every second ({reload['changes']} of each);"
                  f" {reload['rss_kib'] / 1024:.0f} MiB resident; the loop's CPU for one of each:"
                  f" {reload['loop_ms']:.2f} ms",
         "head": ["", "p50", "p99", "p99.9", "p99.99"], "rows": rows}]


def verdicts(figures):
    sizes, reload = figures["sizes"], figures["reload"]
    found = []
    if sizes:
        counts = [size["instructions"] for size in sizes]
        unknown = [size["unknown_instructions"] for size in sizes]
        found = [(f"a decision {what}, worst of {len(sizes)} sizes to {sizes[-1]['rows']:.0f} rows",
                  max(size[key] for size in sizes) / 1000, 1, "µs")
                 for what, key in (("on any of 65,536 known names", "cold_ns"), ("on the same 256 known names", "warm_ns"),
                                   ("on an unknown toolkit", "unknown_cold_ns"))]
        found += [(f"{whose} instructions, most over fewest", (max(each) / min(each) - 1) * 100, 10, "%")
                  for whose, each in (("a decision's", counts), ("an unknown toolkit's", unknown))]
    return found + [(f"loop CPU for a reload and a registry write at {reload['rows']} rows", reload["loop_ms"], 1, "ms"),
                    (f"reloads at {reload['rows']} rows, added to p99.99", _added(figures), 1000, "µs")]
