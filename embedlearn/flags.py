"""Checks that every settings dataclass shares. They name the flag, what was wanted and what was got."""

from collections.abc import Sequence

from embedlearn.errors import ArgumentError


def require_number(flag: str, value: float, low: float, high: float) -> None:
    """Raise `ArgumentError` unless low <= value <= high."""
    if not low <= value <= high:
        raise ArgumentError(f"{flag}: wanted a number from {low:.12g} to {high:.12g}, got {value:.12g}")


def require_choice(flag: str, value: str, choices: Sequence[str]) -> None:
    """Raise `ArgumentError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ArgumentError(f"{flag}: wanted {', '.join(choices[:-1])} or {choices[-1]}, got {value}")


def split_pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    """("a=b", "c=d") as a dictionary. Raises `ArgumentError` for a word that is not NAME=VALUE."""
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise ArgumentError(f"{flag} {word}: wanted NAME=VALUE, such as {flag} a=b")
        pairs[name.strip()] = value.strip()
    return pairs
