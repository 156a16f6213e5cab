"""`python -m experiments.reference`: write docs/reference.md from docstrings, signatures and the commands' flags."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

import embedlearn
from embedlearn import errors
from embedlearn.__main__ import COMMANDS
from embedlearn.console import run_command, say
from embedlearn.files import write_text

DOCUMENT = Path(__file__).parent.parent / "docs" / "reference.md"
FOUND = 1  # exit code where the document is not what would be written
LONGEST = 100  # characters of a call on one line

# Where each command's flags are; a subcommand stands behind its command.
FLAGS = {
    "data show": "tasks.data.flags.Show",
    "data convert": "tasks.data.flags.Convert",
    "data fetch": "tasks.data.flags.Fetch",
    "audit": "tasks.audit.flags.Audit",
    "pretrain": "pretrain.Pretrain",
    "embed": "embed.Embed",
    "fewshot": "tasks.fewshot.flags.FewShot",
    "fewshot predict": "tasks.fewshot.predicting.Predict",
    "index": "tasks.gallery.flags.Index",
    "search": "tasks.gallery.flags.Search",
    "serve": "tasks.serve.flags.Serve",
    "visualize": "tasks.maps.flags.Visualize",
    "explain": "tasks.explain.flags.Explain",
    "explain check": "tasks.explain.flags.Check",
}
ROOMS = (
    "radiographs", "encoders", "embeddings", "episodes", "gallery", "maps", "explanations", "sources",
)  # fmt: skip
PLAIN = {bool: "yes or no", int: "whole number", float: "number", str: "text", Path: "path"}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Write the reference of all public names and all flags."""

    check: bool = False
    """Write nothing; exit with code 1 where the document is not what would be written."""
    out: Path = DOCUMENT
    """Document to write."""


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Reference, _write, "experiments.reference", arguments)


def _write(settings: Reference) -> None:
    text = reference()
    if not settings.check:
        write_text(settings.out, text)
        say(f"wrote {settings.out}")
    elif not settings.out.is_file() or settings.out.read_text(encoding="utf-8") != text:
        say(f"{settings.out}: not what the code says; write it anew with python -m experiments.reference")
        raise SystemExit(FOUND)


def reference() -> str:
    """The whole document, Markdown. The same code gives the same text."""
    parts = [
        "# Reference",
        "All commands with their flags, and all names that `import embedlearn` offers. Written by "
        "`python -m experiments.reference` out of the code itself: what should be said otherwise is said there.",
        "## Commands",
        "`python -m embedlearn.NAME` and `embedlearn NAME` are the same. A flag that may have several values takes "
        "them side by side (`--shots 1 5 10`); a yes or no is said as `--page` or `--no-page`.",
    ]
    for command in sorted(FLAGS, key=lambda words: list(COMMANDS).index(words.split()[0])):
        settings = settings_of(command)
        parts += [f"### embedlearn {command}", _paragraphs(settings), _table("flag", list(flags_of(settings)))]
    parts.append("## Python")
    things = [getattr(embedlearn, name) for name in embedlearn.__all__]
    for room in ROOMS:
        here = [thing for thing in things if thing.__module__.split(".")[1] == room]
        parts += [f"### {room}", _paragraphs(importlib.import_module(f"embedlearn.{room}"))]
        parts += [part for thing in here + _bases(here) for part in _entry(thing)]
    parts += ["### errors", _paragraphs(errors), _errors()]
    return "\n\n".join(parts) + "\n"


def settings_of(command: str) -> Any:
    """The dataclass that a command takes its flags from."""
    module, _, name = FLAGS[command].rpartition(".")
    return getattr(importlib.import_module(f"embedlearn.{module}"), name)


def flags_of(settings: Any) -> Iterator[tuple[str, str, str, str]]:
    """Of every flag: its name, what it takes, its default and its sentence; a dataclass stands for its own fields."""
    hints, told = get_type_hints(settings, include_extras=True), _sentences(settings)
    for item in dataclasses.fields(settings):
        hint = hints[item.name]
        if dataclasses.is_dataclass(hint):
            yield from flags_of(hint)
            continue
        marks, name = getattr(hint, "__metadata__", ()), f"--{item.name.replace('_', '-')}"
        if tyro.conf.Positional in marks:  # a word without a flag has the name that --help gives it
            name = next(str(mark.metavar) for mark in marks if getattr(mark, "metavar", None))
        yield name, takes(hint), _default(item), told.get(item.name, "")


def takes(hint: Any) -> str:
    """A field's type in words: `path`, `whole numbers`, `light or dark`."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return takes(inner[0])
    if origin in (Union, types.UnionType):
        return takes(next(each for each in inner if each is not types.NoneType))
    if origin is Literal:
        return ", ".join(map(str, inner[:-1])) + f" or {inner[-1]}" if len(inner) > 1 else str(inner[0])
    if origin is tuple:
        one = takes(inner[0])
        if Ellipsis not in inner:
            return f"{len(inner)} {one}s"
        return (
            f"any of {one.replace(' or ', ', ')}"
            if get_origin(inner[0]) is Literal
            else {PLAIN[str]: "words"}.get(one, f"{one}s")
        )
    return PLAIN[hint]


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default is dataclasses.MISSING:
        return "required" if item.default_factory is dataclasses.MISSING else ""
    if item.default is None or item.default == ():
        return ""
    if isinstance(item.default, bool):
        return "yes" if item.default else "no"
    return f"`{' '.join(map(str, item.default)) if isinstance(item.default, tuple) else item.default}`"


def _table(first: str, rows: Sequence[tuple[str, str, str, str]]) -> str:
    head = [f"| {first} | takes | default | |", "|---|---|---|---|"]
    cells = ([f"`{name}`", *rest] for name, *rest in rows)
    return "\n".join(head + ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in cells])


def _sentences(settings: Any) -> dict[str, str]:
    """The string that stands below each field, on one line; those of the classes that it comes from, too."""
    told = {}
    for each in reversed([each for each in settings.__mro__ if "__dataclass_fields__" in vars(each)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                told[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return told


def _entry(thing: Any) -> list[str]:
    """A public name: how it is called, its docstring, and its fields or methods."""
    parts = [f"#### {thing.__name__}", _signature(thing), _paragraphs(thing)]
    if not inspect.isclass(thing):
        return parts
    if dataclasses.is_dataclass(thing) and _sentences(thing):
        return [*parts, _table("field", [(row[0].lstrip("-").replace("-", "_"), *row[1:]) for row in flags_of(thing)])]
    methods = [_method(key, value) for key, value in vars(thing).items() if _is_told(key, value)]
    known = set(vars(thing))
    for base in _ours(thing):
        more = [f"`{key}`" for key, value in vars(base).items() if _is_told(key, value) and key not in known]
        known |= set(vars(base))
        methods += [f"- from `{base.__name__}`: {', '.join(more)}"] if more else []
    return parts + (["\n".join(methods)] if methods else [])


def _ours(thing: Any) -> list[Any]:
    return [base for base in thing.__mro__[1:] if base.__module__.startswith("embedlearn.")]


def _bases(things: Sequence[Any]) -> list[Any]:
    """What classes among these share and `import embedlearn` does not offer by itself."""
    found = [base for thing in things if inspect.isclass(thing) for base in _ours(thing) if base not in things]
    return [base for base in dict.fromkeys(found) if any(_is_told(*each) for each in vars(base).items())]


def _is_told(name: str, value: Any) -> bool:
    kinds = (types.FunctionType, property, classmethod, staticmethod)
    return not name.startswith("_") and isinstance(value, kinds) and bool(_called(value).__doc__)


def _called(value: Any) -> Any:
    return getattr(value, "__func__", None) or getattr(value, "fget", None) or value


def _method(name: str, value: Any) -> str:
    """One method or property in a line: how it is called, and the first paragraph of what is said of it."""
    words, back = _arguments(_called(value))
    call = name if isinstance(value, property) else f"{name}({', '.join(words)}){back}"
    first = _paragraphs(_called(value)).split("\n\n")[0]
    return f"- `{call}`: {' '.join(first.split())}"


def _signature(thing: Any) -> str:
    """The call in a block of its own; one argument a line where it is long."""
    words, back = _arguments(thing)
    call = f"{thing.__name__}({', '.join(words)}){back}"
    if len(call) > LONGEST:
        call = "\n    ".join((f"{thing.__name__}(", *(f"{word}," for word in words))) + f"\n){back}"
    return f"```text\n{call}\n```"


def _arguments(thing: Any) -> tuple[list[str], str]:
    """The arguments of what can be called, without self, and ` -> Floats`; a class gives back itself."""
    signature = inspect.signature(thing)
    words: list[str] = []
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        if each.name not in ("self", "cls"):
            words.append(str(each.replace(annotation=each.empty, default=each.empty)) + _kind_and_default(each))
    return words, "" if inspect.isclass(thing) else f" -> {_named(signature.return_annotation)}"


def _kind_and_default(each: inspect.Parameter) -> str:
    kind = "" if each.annotation is each.empty else f": {_named(each.annotation)}"
    return kind if each.default is each.empty else f"{kind} = {each.default!r}".replace("<factory>", "...")


def _named(annotation: Any) -> str:
    """An annotation as it is written, without the modules before its names."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", text)


def _errors() -> str:
    kinds = [each for each in vars(errors).values() if inspect.isclass(each) and each.__module__ == errors.__name__]
    return "\n".join(f"- `embedlearn.errors.{each.__name__}`: {each.__doc__}" for each in kinds)


def _paragraphs(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


if __name__ == "__main__":
    main()
