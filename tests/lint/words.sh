#!/usr/bin/env bash
# The repository speaks of the product alone: no path of a machine, no registry host.
set -u
cd "$(dirname "$0")/../.." || exit 1
hits=$(git grep -nE '(^|[^A-Za-z0-9_.])/(work|root|home)/[a-z]|registry\.npmjs|deb\.debian\.org' -- . ':!tests/lint/words.sh' | head -20)
[ -z "$hits" ] || { printf '%s\n' "$hits"; exit 1; }
echo "words: clean"
