"""The programs that measure a part of the gateway by itself: bench-resolve, bench-ledger.

With `--json` such a program prints one object: `tables`, each {"title", "head", "rows"} with cells
of text, and `bars`, each {"what", "measured", "promised", "unit"} and "at_least": true where more is
better. Further members are kept in the run's JSON. `--quick` asks for a shorter run.
"""
import json
import os
import subprocess

from process import Failure, Unavailable


def run(options, name):
    path = os.path.join(options.build, "tests", name)
    if not os.path.exists(path):
        raise Unavailable(f"{name} is not built")
    command = [path, "--json", *(["--quick"] if options.quick else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, cwd=options.build)
    except subprocess.TimeoutExpired:
        raise Failure(f"{name}: not within half an hour") from None
    try:
        figures = json.loads(done.stdout)
    except ValueError:
        raise Failure(f"{name}: {done.stderr.strip()[-400:] or 'printed no JSON'}") from None
    if done.returncode not in (0, 1):
        raise Failure(f"{name} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return figures


def tables(figures):
    return figures.get("tables", [])


def verdicts(figures):
    return [(bar["what"], bar["measured"], bar["promised"], bar["unit"], *(["at least"] if bar.get("at_least") else []))
            for bar in figures.get("bars", [])]
