"""Latency that the gateway adds over nginx with key, limit and log, at half load.

Half load is half of what the weaker of the two can carry. Requests come at a fixed rate whatever
became of those before (open loop), and count from when they were due.
"""
import statistics

import load
import servers
from process import Workplace

TITLE = "Added latency at half load"
POINTS = ("p50_us", "p90_us", "p99_us", "p999_us")


def run(options):
    with Workplace(options.build) as place:
        upstream = servers.vendor(place)
        targets = [servers.nginx_key(place, upstream).wait_ready(), servers.gateway(place, upstream).wait_ready()]
        capacity = {target.name: statistics.median(
            load.run(place, target, connections=options.connections, seconds=options.seconds / 2,
                     warm=0.2)["calls_per_s"] for _ in range(3)) for target in targets}
        rate = min(capacity.values()) / 2
        rounds = {target.name: [] for target in [upstream, *targets]}
        for number in range(options.rounds):
            each = [upstream, *targets]
            for target in each if number % 2 == 0 else reversed(each):
                rounds[target.name].append(load.run(place, target, connections=options.connections * 2,
                                                    seconds=options.seconds, rate=rate, warm=0.5))
    medians = {name: {point: statistics.median(r[point] for r in each) for point in (*POINTS, "calls_per_s")}
               for name, each in rounds.items()}
    return {"capacity": capacity, "rate": rate, "rounds": rounds, "medians": medians}


def _added(figures, point):
    """The median of the rounds' own differences: what disturbs a round disturbs both."""
    ours, theirs = (figures["rounds"][name] for name in ("switchyard", "nginx, key + limit + log"))
    return statistics.median(a[point] - b[point] for a, b in zip(ours, theirs))


def tables(figures):
    rows = [["the vendor itself" if name == "vendor" else name] +
            [f"{m[point]:.0f}" for point in POINTS] for name, m in figures["medians"].items()]
    rows.append(["**switchyard over nginx, median of the rounds**"] + [f"{_added(figures, point):+.0f}" for point in POINTS])
    carried = ", ".join(f"{name} {value:.0f}" for name, value in figures["capacity"].items())
    return [{"title": f"Latency in µs at {figures['rate']:.0f} calls a second, due at a fixed rate"
                      f" (closed loop carries: {carried})",
             "head": ["", "p50", "p90", "p99", "p99.9"], "rows": rows}]


def verdicts(figures):
    return [("added latency at half load, p50", _added(figures, "p50_us"), 50, "µs"),
            ("added latency at half load, p99", _added(figures, "p99_us"), 300, "µs")]
