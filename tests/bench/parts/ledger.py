"""The ledger by itself: rows drained a second, and what a row costs the call and the writer."""
import programs

TITLE = "Ledger"


def run(options):
    return programs.run(options, "bench-ledger")


def tables(figures):
    return programs.tables(figures)


def verdicts(figures):
    return programs.verdicts(figures)
