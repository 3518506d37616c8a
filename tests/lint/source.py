#!/usr/bin/env python3
"""House rules over the sources: lengths, banned calls, hand-made JSON, globals, unfinished words."""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FILE_MAX, FUNCTION_MAX = 600, 70
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system|popen|alloca)\s*\(")
CLOCKS = re.compile(r"\b(time|clock_gettime|gettimeofday|rand|random)\s*\(")
HAND_JSON = re.compile(r'"[^"\n]*\\"[a-z_]+\\":')
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|not implemented|unimplemented|placeholder|for now\b")
GLOBAL = re.compile(r"^(?:static\s+)?(?!.*\bconst\b)(?!typedef|extern|struct [a-z_]+;|enum|union)"
                    r"(?:_Atomic\s*\(?|unsigned |struct [a-z_0-9]+ |[a-z_0-9]+_t |int |bool |char |double |size_t )"
                    r"[^()]*(?:=[^;]*)?;")
# File-scope state that is there on purpose, with its reason.
GLOBALS_ALLOWED = {
    "src/base/log.c": "level and format of the process log",
    "src/net/transfers_trust.c": "the lock of the one certificate store of the process",
}
# Who may read clocks: the ring, not what decides or translates.
CLOCK_OK = ("src/base/clock.c", "src/net/", "src/ledger/", "src/cli/", "src/base/log.c")


def functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            yield start, number - start
            start = None


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def strip_strings(line):
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)


def check(path, faults):
    text = open(os.path.join(ROOT, path), encoding="utf8").read()
    lines, code = text.split("\n"), strip_comments(text).split("\n")
    generated = "/data/" in path
    if len(lines) > FILE_MAX and not generated:
        faults.append(f"{path}:1: {len(lines)} lines, at most {FILE_MAX}")
    for start, length in functions(lines):
        if length > FUNCTION_MAX and not generated:
            faults.append(f"{path}:{start}: function of {length} lines, at most {FUNCTION_MAX}")
    depth = 0
    for number, line in enumerate(code, 1):
        if BANNED.search(strip_strings(line)):
            faults.append(f"{path}:{number}: banned call: {line.strip()}")
        if CLOCKS.search(strip_strings(line)) and not path.startswith(CLOCK_OK):
            faults.append(f"{path}:{number}: only the ring may read a clock: {line.strip()}")
        if HAND_JSON.search(line) and not path.startswith(("src/base/", "src/sandbox/")):
            faults.append(f"{path}:{number}: JSON by hand: {line.strip()}")
        if path.endswith(".c") and depth == 0 and GLOBAL.match(line) and path not in GLOBALS_ALLOWED:
            faults.append(f"{path}:{number}: file-scope state: {line.strip()}")
        depth += line.count("{") - line.count("}")
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            faults.append(f"{path}:{number}: unfinished words: {line.strip()}")
        if len(line) > 100 and not generated and not path.endswith(".def"):
            faults.append(f"{path}:{number}: {len(line)} columns, at most 100")


def main():
    faults, count = [], 0
    for top in ("src", "vendors", "registry"):
        for here, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    count += 1
                    check(os.path.relpath(os.path.join(here, name), ROOT), faults)
            if any(n.endswith((".c", ".h")) for n in names):
                folder = os.path.relpath(here, ROOT)
                if folder != "src" and folder.count("/") <= 1 and not os.path.exists(os.path.join(here, "README.md")):
                    faults.append(f"{folder}: no README.md says what lives here")
    print("\n".join(faults))
    print(f"source: {count} files, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
