"""Reading Markdown tables, and scores written anew, for the tests of the documents."""

import re


def cells(text):
    """Every table in the text: for each, a dictionary from a line's first cells to what stands under each heading."""
    found = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip()[1:-1].split(" | ")] for line in block.splitlines()]
        assert set(lines[1]) == {"---"} and {len(line) for line in lines} == {len(lines[0])}
        found.append([dict(zip(lines[0], line, strict=True)) for line in lines[2:]])
    return found


def brackets(value, low, high, sign=""):
    """The README's way with a score, written anew: three decimals, no zero before the point, a true minus."""

    def one(number):
        return f"{number:{sign}.3f}".replace("0.", ".", abs(number) < 1).replace("-", "−")

    return f"{one(value)} [{one(low)} {one(high)}]"
