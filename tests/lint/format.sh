#!/usr/bin/env bash
# clang-format 14 owns the layout.
set -u
cd "$(dirname "$0")/../.." || exit 1
tool=$(command -v clang-format-14 || command -v clang-format)
if ! "$tool" --version | grep -q 'version 14'; then
    echo "SKIP format: clang-format 14 is not here ($("$tool" --version))"
    exit 77
fi
out=$(git ls-files 'src/*.[ch]' 'vendors/*.[ch]' 'registry/*.[ch]' 'tests/*.[ch]' | xargs "$tool" --dry-run 2>&1 | grep -E 'warning: code should' | cut -d: -f1 | sort | uniq -c)
[ -z "$out" ] || { printf '%s\n' "$out"; echo "format: run clang-format -i on these files"; exit 1; }
echo "format: clean"
