"""What a call is made of: instructions, allocations, system calls and time, by module.

Instructions and allocations come from callgrind as the difference of two runs of fixed length, so
they do not depend on the machine's load; system calls and time come from a native run.
"""
import collections
import os
import re

import callgrind
import kernel
import servers
from process import Unavailable, Workplace

TITLE = "The account of a call"
SERVERS = {"nginx, key + limit + log": servers.nginx_key, "bare relay": servers.bare_relay,
           "switchyard": servers.gateway}


def _sum(table, keep):
    result = collections.Counter()
    for key, value in table.items():
        name = keep(key)
        if name:
            result[name] += value
    return {name: value for name, value in result.most_common() if value >= 0.005}


def _of_server(place, start, upstream, options):
    cost, allocations = callgrind.per_call(place, start, upstream, *options.account_calls, options.connections)
    by_thread = collections.Counter()
    for (thread, _, _), value in cost.items():
        by_thread[thread] += value
    loop = by_thread.most_common(1)[0][0]
    module_of_function = {function: module for (_, module, function), _ in sorted(cost.items(), key=lambda c: c[1])}

    def module_of(symbol, binary):
        name = os.path.basename(binary)
        if name.startswith("lib"):
            return re.match(r"lib[a-zA-Z]+", name)[0]
        return module_of_function.get(symbol, name)

    figures = {
        "instructions": _sum(cost, lambda k: k[1] if k[0] == loop else None),
        "instructions_other_threads": _sum(cost, lambda k: k[1] if k[0] != loop else None),
        "functions": _sum(cost, lambda k: f"{k[1]}: {k[2]}" if k[0] == loop and not k[2].startswith("0x") else None),
        "allocations": _sum(allocations, lambda k: k[1] if k[0] == loop else None),
        "allocations_other_threads": _sum(allocations, lambda k: k[1] if k[0] != loop else None),
    }
    figures["functions"] = dict(list(figures["functions"].items())[:40])
    target = start(place, upstream).wait_ready()
    counts, figures["syscalls_by"] = kernel.syscalls(place, target, options.seconds, options.connections)
    figures["syscalls"] = dict(sorted(counts.items(), key=lambda c: -c[1]))
    try:
        spent = kernel.time_by_part(place, target, module_of, options.seconds, options.connections)
        figures["us"] = _sum(spent, lambda k: k[1] if k[0] == "loop" else None)
        figures["us_other_threads"] = _sum(spent, lambda k: k[1] if k[0] != "loop" else None)
    except Unavailable as missing:
        figures["us_missing"] = str(missing)
    place.stop(target.running)
    return figures


def run(options):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        return {name: _of_server(place, start, upstream, options) for name, start in SERVERS.items()}


def _table(figures, key, title, digits, least):
    names = collections.Counter()
    for server in figures.values():
        for name, value in server.get(key, {}).items():
            names[name] = max(names[name], value)
    shown = [name for name, value in names.most_common() if value >= least]
    rows = [[name] + [f"{server.get(key, {}).get(name, 0):.{digits}f}" for server in figures.values()] for name in shown]
    rest = [sum(v for n, v in server.get(key, {}).items() if n not in shown) for server in figures.values()]
    if any(value >= 10 ** -digits / 2 for value in rest):
        rows.append(["all else"] + [f"{value:.{digits}f}" for value in rest])
    rows.append(["**in all**"] + [f"{sum(server.get(key, {}).values()):.{digits}f}" for server in figures.values()])
    return {"title": title, "head": ["", *figures], "rows": rows}


def _is_socket_work(name):
    return name.removeprefix("kernel: ") in ("sendto", "sendmsg", "send", "recvfrom", "recvmsg", "recv", "write",
                                             "writev", "read", "readv")


def _floor(figures):
    """The gateway's µs in three heaps: what no gateway over libcurl is without, the ledger, the rest."""
    ours, bare = (figures[name].get("us", {}) for name in ("switchyard", "bare relay"))
    heaps = [("kernel: a request and an answer on each side",
              sum(v for name, v in ours.items() if _is_socket_work(name))),
             ("kernel: waiting, switching, interrupts",
              sum(v for name, v in ours.items() if name.startswith("kernel: ") and not _is_socket_work(name)
                  and "pwrite" not in name)),
             ("libcurl, and the C library's work for it (as in the bare relay)",
              ours.get("libcurl", 0) + min(ours.get("libc", 0), bare.get("libc", 0))),
             ("kernel: the journal's share of a write", sum(v for name, v in ours.items() if "pwrite" in name))]
    known = sum(value for _, value in heaps)
    heaps.append(("the gateway itself: edge, JSON, deciding, adapter, ledger row", sum(ours.values()) - known))
    heaps.append(("the ledger's writer, all it does", sum(figures["switchyard"].get("us_other_threads", {}).values())))
    whole = sum(value for _, value in heaps)
    if not ours:
        return {"title": "Where a call's µs go", "head": ["", "µs", "share"], "rows": []}
    return {"title": "Where a call's µs go", "head": ["", "µs", "share"],
            "rows": [[name, f"{value:.2f}", f"{value / whole * 100:.0f} %"] for name, value in heaps] +
                    [["**in all**", f"{whole:.2f}", "100 %"]]}


def tables(figures):
    shown = [
        _floor(figures),
        _table(figures, "instructions", "Instructions a call, on the loop's thread, user space", 0, 100),
        _table(figures, "us", "CPU µs a call on the loop's thread, by sampling", 2, 0.1),
        _table(figures, "syscalls", "System calls a call, all threads", 3, 0.002),
        _table(figures, "allocations", "Allocations a call, on the loop's thread", 2, 0.005),
        _table({"switchyard": figures["switchyard"]}, "us_other_threads",
               "CPU µs a call on the other threads (the ledger's writer)", 2, 0.02),
        _table({"switchyard": figures["switchyard"]}, "functions",
               "Dearest functions of the gateway with a name, instructions a call", 0, 400),
    ]
    return [table for table in shown if len(table["rows"]) > 1]


def verdicts(_):
    return []
