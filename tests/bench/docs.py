"""Puts a run's tables between the markers of docs/performance.md.

A block begins with `<!-- begin: tests/bench/run NAME -->` and ends with `<!-- end -->`; NAME is
`machine`, `bars` or a part. Parts that were not run keep what stands there.
"""
import importlib
import re
import textwrap

import machine
import tables
from process import Failure


WIDTH = 100


def _wrapped(content):
    """Prose within the width of the pages; tables stay as they are."""
    lines = []
    for line in content.split("\n"):
        if len(line) <= WIDTH or line.startswith("|"):
            lines.append(line)
        else:
            lines += textwrap.wrap(line, WIDTH, subsequent_indent="  " if line.startswith("- ") else "",
                                   break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def _replace(text, name, content):
    content = _wrapped(content)
    pattern = re.compile(rf"(<!-- begin: tests/bench/run {name} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(text):
        raise Failure(f"docs/performance.md has no block for {name}")
    return pattern.sub(lambda m: f"{m[1]}{content}\n{m[2]}", text)


def write(path, result, bars):
    with open(path, encoding="utf8") as f:
        text = f.read()
    for name, figures in result["parts"].items():
        shown = importlib.import_module(f"parts.{name}").tables(figures)
        text = _replace(text, name, "\n\n".join(tables.as_markdown(table) for table in shown))
    if len(result["parts"]) > 1:
        text = _replace(text, "bars", tables.as_markdown(bars))
        lines = machine.as_text(result["machine"]).split("\n")
        lines.append(f"Other programs used at most {max(result['others_used'].values()) * 100:.0f} % of the machine"
                     " during a part.")
        lines.append(f"{result['rounds']} alternating rounds of {result['seconds']:g} s, {result['connections']}"
                     f" connections, medians{'; a quick run' if result['quick'] else ''}.")
        text = _replace(text, "machine", "\n".join(f"- {line}" for line in lines))
    with open(path, "w", encoding="utf8") as f:
        f.write(text)
