#!/usr/bin/env bash
# Every header compiles by itself: whoever includes it needs nothing before it.
set -u
cd "$(dirname "$0")/../.." || exit 1
faults=0 count=0
while read -r header; do
    count=$((count + 1))
    if ! out=$(gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc -I. -x c "$header" 2>&1); then
        printf '%s\n' "$out" | grep -v 'pragma once' | head -5
        faults=$((faults + 1))
    fi
done < <(git ls-files 'src/*.h' 'vendors/*.h' 'registry/*.h')
echo "headers: $count headers, $faults faults"
[ "$faults" -eq 0 ]
