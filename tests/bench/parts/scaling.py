"""Two threads beside one, at 64 connections and more, the ledger's writer counted in both.

Where vendor, load and gateway share the cores, calls a second say how the cores are shared out and
not how the gateway scales. So beside them stands what would bound it on cores of its own: how many
instructions and how much CPU a call costs with two threads beside one, and how long the loops wait
for locks.
"""
import os
import statistics

import callgrind
import kernel
import load
import servers
from process import Unavailable, Workplace

TITLE = "Two threads beside one"
CONNECTIONS = (64, 128, 256)


def _rounds(options, connections):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        targets = {threads: servers.gateway(place, upstream, threads=threads).wait_ready() for threads in (1, 2)}
        figures = {1: [], 2: []}
        for number in range(options.rounds):
            for threads in (1, 2) if number % 2 == 0 else (2, 1):
                figures[threads].append(load.run(place, targets[threads], connections=connections,
                                                 seconds=options.seconds / 2, warm=0.2))
        medians = {threads: {key: statistics.median(r[key] for r in each) for key in ("us_per_call", "calls_per_s")}
                   for threads, each in figures.items()}
        for threads, each in figures.items():
            medians[threads]["cores"] = medians[threads]["us_per_call"] * medians[threads]["calls_per_s"] / 1e6
        try:
            waits = {threads: kernel.lock_wait(place, targets[threads], threads, options.seconds / 2, connections)
                     for threads in (1, 2)}
        except Unavailable as missing:
            waits = {"missing": str(missing)}
    return medians, waits


def _instructions(options, threads, connections):
    """Of the loops a call, in user space."""
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        cost, _ = callgrind.per_call(place, lambda *a, **k: servers.gateway(*a, threads=threads, **k), upstream,
                                     *options.scaling_calls, connections)
    by_thread = {}
    for (thread, _, function), value in cost.items():
        by_thread[thread] = by_thread.get(thread, 0) + value
    return sum(sorted(by_thread.values(), reverse=True)[:threads])


def run(options):
    figures = {}
    for connections in CONNECTIONS:
        medians, waits = _rounds(options, connections)
        instructions = {threads: _instructions(options, threads, connections) for threads in (1, 2)}
        waited = waits.get(2, 0.0)
        figures[str(connections)] = {
            "one": medians[1], "two": medians[2], "lock_wait": waits, "instructions": instructions,
            "by_wall": medians[2]["calls_per_s"] / medians[1]["calls_per_s"],
            "by_cpu": 2 * medians[1]["us_per_call"] / medians[2]["us_per_call"] * (1 - waited),
            "by_instructions": 2 * instructions[1] / instructions[2] * (1 - waited),
        }
    return figures


def tables(figures):
    rows = []
    for connections, f in figures.items():
        waited = f["lock_wait"].get(2, f["lock_wait"].get("2"))
        rows.append([connections, f"{f['by_instructions']:.2f}", f"{f['by_cpu']:.2f}", f"{f['by_wall']:.2f}",
                     f"{f['one']['us_per_call']:.1f}", f"{f['two']['us_per_call']:.1f}",
                     "–" if waited is None else f"{waited * 100:.2f} %",
                     f"{f['one']['cores']:.2f}", f"{f['two']['cores']:.2f}"])
    return [{"title": f"Two threads beside one, × (2 is perfect), {os.cpu_count()} cores shared with vendor and load:"
                      " by calls a second they bound each other",
             "head": ["connections", "by instructions", "by CPU a call", "by calls/s", "µs, one", "µs, two",
                      "waits for locks", "cores had, one", "cores had, two"], "rows": rows}]


def verdicts(figures):
    worst = min(f["by_instructions"] for f in figures.values())
    cpu = min(f["by_cpu"] for f in figures.values())
    return [("two threads beside one, instructions and lock wait, worst", worst, 1.8, "×", "at least"),
            ("two threads beside one, CPU of all threads and lock wait, worst", cpu, 1.8, "×", "at least")]
