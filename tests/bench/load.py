"""Loads a target with bench-load and says what its processes used meanwhile."""
import json
import os
import subprocess

from process import Failure


def run(place, target, connections=32, seconds=None, count=None, rate=None, warm=0, timeout=20, progress=None):
    """One run's figures: those of bench-load, `us_per_call` and the `busiest` threads."""
    command = [os.path.join(place.build, "tests", "bench-load"), "--connections", str(connections),
               "--timeout", str(timeout), "--header", "Content-Type: application/json"]
    for option, value in (("seconds", seconds), ("count", count), ("rate", rate), ("warm", warm or None),
                          ("progress", progress)):
        if value is not None:
            command += [f"--{option}", str(value)]
    for name, value in target.headers.items():
        command += ["--header", f"{name}: {value}"]
    body = place.path("body")
    with open(body, "wb") as f:
        f.write(target.body)
    before = target.running.threads()
    done = subprocess.run([*command, "--body", body, target.url], capture_output=True, text=True, check=False)
    after = target.running.threads()
    if done.returncode:
        raise Failure(f"{target.name}: {done.stderr.strip()}\n{target.running.last_words()}")
    figures = json.loads(done.stdout)
    if figures["bad"]:
        raise Failure(f"{target.name}: {figures['bad']} of {figures['answered']} answers were not 2xx"
                      f" (the first: {figures['first_bad_status']})")
    used = {key: after[key] - before.get(key, 0) for key in after}
    figures["us_per_call"] = sum(used.values()) / figures["answered"] * 1e6
    # (thread id, seconds), the busiest first.
    figures["busiest"] = sorted(((tid, seconds) for (_, tid, _), seconds in used.items()), key=lambda t: -t[1])
    figures["rss_kib"] = target.running.rss_kib()
    return figures
