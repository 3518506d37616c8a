#!/usr/bin/env python3
"""Every include line against the table of layers (docs/architecture.md), and who may use which library."""
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

# A folder may include itself and what stands in a rank below its own.
RANKS = [["base"], ["contract"], ["config"], ["http", "policy", "mcp"], ["resolve", "vendors"],
         ["registry", "net"], ["ledger", "secrets", "metrics"], ["engine"], ["triage"],
         ["api", "sandbox"], ["cli"], ["main.c"]]
RANK = {name: i for i, names in enumerate(RANKS) for name in names}

# Interfaces that a folder implements although it stands below its users.
LIBRARIES = {
    r"curl/": r"^src/net/",
    r"openssl/": r"^src/net/",
    r"sqlite3\.h": r"^registry/sqlite/",
    r"yaml\.h": r"^src/config/yaml\.c$",
    r"sodium": r"^src/base/crypto\.c$",
}


def folder_of(path):
    parts = path.split("/")
    if parts[0] == "src":
        return parts[1]
    return parts[0]


def included_folder(name):
    first = name.split("/")[0]
    return first if first in RANK else None


def main():
    faults, files = [], 0
    for top in ("src", "vendors", "registry"):
        for here, _, names in os.walk(os.path.join(ROOT, top)):
            for name in names:
                if not name.endswith((".c", ".h", ".def")):
                    continue
                path = os.path.relpath(os.path.join(here, name), ROOT)
                files += 1
                mine = folder_of(path)
                for number, line in enumerate(open(os.path.join(ROOT, path), encoding="utf8"), 1):
                    match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
                    if not match:
                        continue
                    quoted, target = match.group(1) == '"', match.group(2)
                    for pattern, allowed in LIBRARIES.items():
                        if re.match(pattern, target) and not quoted and not re.match(allowed, path):
                            faults.append(f"{path}:{number}: {target} may be included only in {allowed}")
                    other = included_folder(target) if quoted else None
                    if other is None or other == mine:
                        continue
                    if RANK[other] >= RANK[mine]:
                        faults.append(f"{path}:{number}: {mine} may not include {target}: {other} does not stand below it")
    print("\n".join(faults))
    print(f"layers: {files} files, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
