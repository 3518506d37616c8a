"""The programs that measure a part of the gateway by itself: bench-resolve, bench-ledger.

With `--json` such a program prints one object whose members are lists of objects with figures.
"""
import json
import os
import subprocess

from process import Failure, Unavailable


def path(options, name):
    found = os.path.join(options.build, "tests", name)
    if not os.path.exists(found):
        raise Unavailable(f"{name} is not built")
    return found


def figures_of(options, name, *arguments):
    try:
        done = subprocess.run([path(options, name), "--json", *map(str, arguments)], capture_output=True, text=True,
                              timeout=1800, check=False, cwd=options.build)
    except subprocess.TimeoutExpired:
        raise Failure(f"{name}: not within half an hour") from None
    if done.returncode:
        raise Failure(f"{name} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failure(f"{name} printed no JSON") from None
