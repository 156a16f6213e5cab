"""Building a class by its name from NAME=VALUE words, each checked against what its constructors take."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Mapping, Sequence

from torch import nn

from embedlearn.errors import ArgumentError
from embedlearn.flags import split_pairs

Plain = bool | int | float | str

FLAG_OF = {"distance": "--distance", "reducer": "--reducer"}
"""Arguments that have a flag of their own."""
NOT_FOR_USERS = {
    "classes", "descriptors_dim", "dimension", "embedding_size", "num_classes", "odds",
    "aggregation_func", "allowed_neg_range", "allowed_pos_range", "collect_stats", "default_reducer",
    "embedding_reg_weight", "embedding_regularizer", "iter_fn", "loss", "losses", "mat_based_loss", "miner", "miners",
    "reducers", "weight_init_func", "weight_reg_weight", "weight_regularizer", "weights",
}  # fmt: skip
"""Arguments that follow from the data, that take objects, or that mean nothing without one."""
WORDS = {"type_of_triplets": ("all", "hard", "semihard", "easy")}  # the library takes any other word for "all"


def find(module: object, name: str, flag: str, ours: Sequence[str]) -> type[nn.Module]:
    """The class `name` of `module`. Raises `ArgumentError`, listing `ours` and those of the module, the near or all."""
    known = {key: kind for key, kind in vars(module).items() if inspect.isclass(kind) and issubclass(kind, nn.Module)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise ArgumentError(f"{flag} {name}: unknown; wanted one of {', '.join([*ours, *(near or sorted(known))])}")
    return known[name]


def build(kind: type[nn.Module], flag: str, words: Sequence[str], given: Mapping[str, object]) -> nn.Module:
    """`kind`, named by `flag`, with the arguments `words` of `flag`-args, and with those of `given` that it takes.

    Raises `ArgumentError` for a name that it does not take, listing those it does, and for a value of another kind.
    """
    taken, valid = defaults_of(kind), for_users(kind)
    args = {}
    for name, word in split_pairs(f"{flag}-args", words).items():
        if name in taken and name in FLAG_OF:
            raise ArgumentError(f"{flag}-args {name}: use {FLAG_OF[name]} for it")
        if name not in valid:
            listed = ", ".join(valid) or "none"
            raise ArgumentError(f"{flag}-args {name}: {kind.__name__} has no such argument; it takes {listed}")
        args[name] = as_plain(word)
        if wanted := unmet(name, args[name], taken[name]):
            raise ArgumentError(f"{flag}-args {name}={word}: wanted {wanted}, got {word}")
    try:
        return kind(**{name: value for name, value in given.items() if name in taken}, **args)
    except ArgumentError as error:
        raise ArgumentError(f"{flag}-args {error}") from error
    except Exception as error:
        raise ArgumentError(f"{flag} {kind.__name__}: it cannot be built from these flags ({reason(error)})") from error


def defaults_of(kind: type[nn.Module]) -> dict[str, object]:
    """What the constructors of `kind` and of its bases take, with defaults (the library hands the rest up by **kwargs).

    An argument without a default has `inspect.Parameter.empty`.
    """
    defaults: dict[str, object] = {}
    for base in inspect.getmro(kind):
        for name, taken in inspect.signature(vars(base).get("__init__", object.__init__)).parameters.items():
            if name != "self" and taken.kind in (taken.POSITIONAL_OR_KEYWORD, taken.KEYWORD_ONLY):
                defaults.setdefault(name, taken.default)
    return defaults


def for_users(kind: type[nn.Module]) -> list[str]:
    """The arguments of `kind` that a user gives, as plain values."""
    return [name for name in defaults_of(kind) if name not in FLAG_OF and name not in NOT_FOR_USERS]


def as_plain(word: str) -> Plain:
    """A word as what it says: true or false, a whole number, a number, else itself."""
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def unmet(name: str, value: Plain, default: object) -> str:
    """What was wanted of an argument with that default, where `value` is something else; else nothing."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if name in WORDS:
        return "" if value in WORDS[name] else "one of " + ", ".join(WORDS[name])
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(default, int | float):
        return "" if is_number else "a number"
    return "" if is_number or isinstance(value, str) else "a number or a word"


def reason(error: Exception) -> str:
    """The first line of what an exception of another library says, or its name."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
