"""`data show`: what a data set is, printed, drawn and written down."""

from __future__ import annotations

from typing import Any

from embedlearn.console import say
from embedlearn.files import require_folder, write_json
from embedlearn.radiographs.layouts import LAYOUTS, folders, medmnist, table
from embedlearn.tasks.data.flags import Show
from embedlearn.tasks.data.problems import Problem, find_problems, one_line
from embedlearn.tasks.data.sheets import draw_examples, draw_views
from embedlearn.tasks.data.survey import FILM, Survey, require_outside, survey
from embedlearn.tasks.data.tables import HEADINGS, Counted, count_classes, known_rows

FORMAT = "embedlearn-data-1"
WIDTH = 132
NUMBERS = ("films", "patients", "no patient")
WHOLE = ("source", "class")  # columns that take no second line while others can
LISTED = 1000  # films of a problem that show.json names
NAMED = 10  # bad films that are named one by one


def show(settings: Show) -> None:
    """Look at what the flags name. Raises `ManifestError` where it is no data set, `ArgumentError`, `StorageError`."""
    require_folder(settings.out, "--out")
    require_outside(settings.out, settings.data)
    found = survey(settings)
    problems = find_problems(found)
    if not found.layouts:
        say("no PATH: the toolkit's own synthetic phantoms")
    for name, path in found.layouts:
        say(f"{one_line(path)}: {_recognised(name)}")
    _print_tables(found)
    for note in found.manifest.notes:
        say(f"  note: {one_line(note)}")
    _print_problems(found, problems)
    written = ["show.json"]
    if settings.each:
        written += draw_examples(settings, found)
        written += [] if settings.quick else draw_views(settings, found)
    write_json(settings.out / "show.json", _as_plain(found, problems))
    say(f"wrote {settings.out}: {', '.join(written)}")


def _recognised(name: str) -> str:
    if name in (table.NAME, FILM):
        return f"a {name}" if name == table.NAME else name
    tree = next(layout.TREE for layout in (*LAYOUTS, medmnist) if name == layout.NAME)
    if name == folders.NAME:
        return f"no published layout; read as plain class folders ({tree})"
    return f"layout {name} ({tree})"


def _print_tables(found: Survey) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = (
        Column(name, justify="right" if name in NUMBERS else "left", no_wrap=name in WHOLE, overflow="fold")
        for name in HEADINGS
    )
    classes = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    before = ""
    for source, *cells in map(Counted.row, count_classes(found)):
        classes.add_row(*map(Text, (source if source != before else "", *cells)))
        before = source
    known = Table.grid(padding=(0, 2))
    for row in known_rows(found):
        known.add_row(*map(Text, ("", *row)))
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(classes)
    console.print(known)
    if found.has_sets:
        say("  films have sets of findings (the column labels); each film counts in each of its own")


def _print_problems(found: Survey, problems: list[Problem]) -> None:
    say("problems:" if problems else "no problems were found")
    for problem in problems:
        say(f"  {problem.sentence}")
        if problem.key == "unreadable":
            torn = [message for place, message in found.bad.items() if place not in found.several]
            for message in torn[:NAMED]:
                say(f"    {one_line(message)}")
            if len(torn) > NAMED:
                say(f"    and {len(torn) - NAMED:,} more, named in show.json")


def _as_plain(found: Survey, problems: list[Problem]) -> dict[str, Any]:
    """All that was found, as JSON holds it."""
    return {
        "format": FORMAT,
        "data": [{"path": str(path), "layout": name} for name, path in found.layouts],
        "films": len(found.frame),
        "label_sets": found.has_sets,
        "classes": [counted.plain() for counted in count_classes(found)],
        "known": dict(known_rows(found)),
        "notes": list(found.manifest.notes),
        "problems": [
            {"key": one.key, "sentence": one.sentence, "count": one.count, "films": list(one.films[:LISTED])}
            for one in problems
        ],
        "unreadable": {found.frame["path"].iloc[place]: message for place, message in found.bad.items()},
    }
