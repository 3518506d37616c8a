"""CPU per call: every server relays the same call in turn; all its threads count."""
import statistics

import load
import npm_gateways
import servers
from process import Unavailable, Workplace

TITLE = "CPU per call"
STARTS = [servers.nginx_relay, servers.nginx_key, servers.haproxy, servers.bare_relay, servers.gateway,
          npm_gateways.mcp_proxy, npm_gateways.portkey]
KEY, BARE, OURS = "nginx, key + limit + log", "bare relay (edge + libcurl)", "switchyard"
COLUMNS = ("us_per_call", "writer_us_per_call", "calls_per_s", "p50_us", "p99_us", "rss_kib")


def _round(place, target, options):
    figures = load.run(place, target, connections=options.connections, seconds=options.seconds, warm=0.2)
    # The loop is the busiest thread; for the gateway the rest is the ledger's writer.
    figures["writer_us_per_call"] = sum(used for _, used in figures["busiest"][1:]) / figures["answered"] * 1e6
    return figures


def run(options):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        targets, absent = [], {}
        for start in STARTS:
            try:
                targets.append(start(place, upstream).wait_ready())
            except Unavailable as missing:
                absent[start.__name__.replace("_", "-")] = str(missing)
        rounds = {target.name: [] for target in targets}
        for number in range(options.rounds):
            # Every other round the other way round: nobody always follows the same neighbour.
            for target in targets if number % 2 == 0 else reversed(targets):
                rounds[target.name].append(_round(place, target, options))
    medians = {name: {key: statistics.median(r[key] for r in each) for key in COLUMNS} for name, each in rounds.items()}
    for name, each in rounds.items():
        medians[name]["spread"] = [min(r["us_per_call"] for r in each), max(r["us_per_call"] for r in each)]
    return {"rounds": rounds, "medians": medians, "absent": absent}


def tables(figures):
    medians = figures["medians"]
    key, bare = medians[KEY]["us_per_call"], medians[BARE]["us_per_call"]
    rows = [[name, f"{m['us_per_call'] / key:.2f}", f"{m['us_per_call'] / bare:.2f}", f"{m['us_per_call']:.1f}",
             f"{m['spread'][0]:.1f}–{m['spread'][1]:.1f}", f"{m['calls_per_s']:.0f}", f"{m['p50_us']:.0f}",
             f"{m['p99_us']:.0f}", f"{m['rss_kib'] / 1024:.1f}"] for name, m in medians.items()]
    rows += [[f"{name}: {why}"] + ["–"] * 8 for name, why in figures["absent"].items()]
    return [{"title": "CPU per call, all threads; medians of alternating rounds",
             "head": ["", "× nginx+key", "× bare", "µs", "spread µs", "calls/s", "p50 µs", "p99 µs", "RSS MiB"],
             "rows": rows}]


def verdicts(figures):
    medians = figures["medians"]
    ours = medians[OURS]["us_per_call"]
    return [("CPU per call against nginx with key, limit and log", ours / medians[KEY]["us_per_call"], 2.0, "×"),
            ("CPU per call against the bare relay", ours / medians[BARE]["us_per_call"], 1.25, "×")]
