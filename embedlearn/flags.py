"""What every settings dataclass shares: checks that name the flag, and filling it from plain data."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from embedlearn.errors import ArgumentError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def require_number(flag: str, value: float, low: float, high: float) -> None:
    """Raise `ArgumentError` unless low <= value <= high."""
    if not low <= value <= high:
        raise ArgumentError(f"{flag}: wanted a number from {low:.12g} to {high:.12g}, got {value:.12g}")


def require_choice(flag: str, value: str, choices: Sequence[str]) -> None:
    """Raise `ArgumentError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ArgumentError(f"{flag}: wanted {', '.join(choices[:-1])} or {choices[-1]}, got {value}")


def require_packages(flag: str, packages: Sequence[str], extra: str) -> None:
    """Raise `ArgumentError` unless the packages can be imported; `extra` is what installs them."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            message = f"{flag}: {package} is not installed; pip install 'embedlearn[{extra}]'"
            raise ArgumentError(message) from None


def split_pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """("a=b", "c=d") as a dictionary. Raises `ArgumentError` for a word that is not NAME=VALUE."""
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise ArgumentError(f"{flag} {word}: wanted NAME=VALUE, such as {flag} a=b")
        if name.strip() in pairs:
            raise ArgumentError(f"{flag} {word}: {name.strip()} was given twice; leave one out")
        pairs[name.strip()] = value.strip()
    return pairs


def as_plain(settings: DataclassInstance) -> dict[str, Any]:
    """A dataclass as plain data that JSON can hold, paths as strings; `overlaid` reads it back."""
    return {name: _plain(value) for name, value in dataclasses.asdict(settings).items()}


def overlaid(default: Settings, plain: Mapping[str, Any]) -> Settings:
    """The dataclass `default` with the values of `plain`, dataclasses inside it likewise.

    Raises `ArgumentError` for a name that is no field.
    """
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in (known := [item.name for item in dataclasses.fields(default)]):
            raise ArgumentError(f"{name}: no such setting; wanted one of {', '.join(known)}")
        old = getattr(default, name)
        if dataclasses.is_dataclass(old) and not isinstance(old, type):
            values[name] = overlaid(old, value)
        else:
            values[name] = type(old)(value) if isinstance(old, tuple | Path) else value
    return dataclasses.replace(default, **values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return str(value) if isinstance(value, Path) else value
