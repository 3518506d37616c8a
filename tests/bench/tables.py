"""Tables as text for a terminal and as Markdown for docs/performance.md.

A table is {"title", "head": [cells], "rows": [[cells]]}; the first column is text, the others are
figures. A cell that begins and ends with ** is a sum.
"""
import unicodedata


def _width(text):
    return sum(0 if unicodedata.combining(c) else 1 for c in text)


def as_text(table):
    lines = [[cell.strip("*") for cell in row] for row in [table["head"], *table["rows"]]]
    widths = [max(_width(row[i]) for row in lines) for i in range(len(lines[0]))]
    out = [table["title"]]
    for row in lines:
        first = row[0] + " " * (widths[0] - _width(row[0]))
        rest = [" " * (widths[i] - _width(row[i])) + row[i] for i in range(1, len(row))]
        out.append(("  " + "  ".join([first, *rest])).rstrip())
    return "\n".join(out)


def as_markdown(table):
    out = [f"{table['title']}:", "", "| " + " | ".join(table["head"]) + " |",
           "| --- |" + " ---: |" * (len(table["head"]) - 1)]
    out += ["| " + " | ".join(row) + " |" for row in table["rows"]]
    return "\n".join(out).replace("|  |", "| |")
