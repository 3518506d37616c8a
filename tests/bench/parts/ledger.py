"""The ledger by itself: rows drained a second, and what a row costs the call and the writer."""
import statistics

import programs

TITLE = "Ledger"
# A loop under load ends so many calls in a turn, or more; the bars are for such loops.
BUSY_TURN = 8


def run(options):
    rounds = [programs.figures_of(options, "bench-ledger")["ledger"] for _ in range(options.rounds)]
    medians = [{key: statistics.median(each[number][key] for each in rounds) for key in rounds[0][number]}
               for number in range(len(rounds[0]))]
    return {"rounds": rounds, "medians": medians}


def tables(figures):
    return [{"title": "The ledger by itself, by calls that end in one turn of the loop",
             "head": ["calls a turn", "rows/s drained", "µs of the call's own", "µs of the writer's"],
             "rows": [[f"{m['calls_a_turn']:.0f}", f"{m['rows_drained_per_s']:.0f}", f"{m['call_us']:.2f}",
                       f"{m['writer_us']:.2f}"] for m in figures["medians"]]}]


def verdicts(figures):
    busy = [m for m in figures["medians"] if m["calls_a_turn"] >= BUSY_TURN]
    return [("ledger rows drained, worst", min(m["rows_drained_per_s"] for m in busy), 100_000, "/s", "at least"),
            ("a ledger row, of the call's own time, worst", max(m["call_us"] for m in busy), 1, "µs"),
            ("a ledger row, of the writer's time, worst", max(m["writer_us"] for m in busy), 1.5, "µs")]
