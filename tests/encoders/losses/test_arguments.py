"""Plain values from words, and classes from them."""

import pytest
from torch import nn

from embedlearn.encoders.losses.arguments import as_plain, build, find, for_users
from embedlearn.errors import ArgumentError


class Base(nn.Module):
    def __init__(self, margin=1, distance=None, collect_stats=None):
        super().__init__()
        self.margin = margin


class Taking(Base):
    def __init__(self, num_classes, scale=0.5, swap=False, mode="all", bound=None, **kwargs):
        super().__init__(**kwargs)
        self.taken = (num_classes, scale, swap, mode, bound)


class Refusing(nn.Module):
    def __init__(self, size=1):
        super().__init__()
        if size == 2:
            raise ValueError("\nsize must not be 2\nat all")
        if size == 3:
            raise ArgumentError("size: wanted another")


@pytest.mark.parametrize(
    ("word", "value"),
    [("3", 3), ("-3", -3), ("0.5", 0.5), ("1e-3", 1e-3), ("true", True), ("False", False), ("semihard", "semihard")],
)
def test_a_word_is_what_it_says(word, value):
    assert as_plain(word) == value and type(as_plain(word)) is type(value)


def test_a_class_is_found_with_the_near_names_where_there_are_any():
    import torch.nn as module

    assert find(module, "Linear", "--part", []) is nn.Linear
    with pytest.raises(ArgumentError, match="--part Linaer: unknown; wanted one of mine, Linear"):
        find(module, "Linaer", "--part", ["mine"])


def test_arguments_reach_the_class_and_its_bases():
    words = ("scale=2", "swap=true", "mode=some", "bound=7", "margin=0.1")
    built = build(Taking, "--part", words, {"num_classes": 4, "dimension": 9})
    assert built.taken == (4, 2, True, "some", 7) and built.margin == 0.1


def test_what_a_user_gives_leaves_out_sizes_and_objects():
    assert for_users(Taking) == ["scale", "swap", "mode", "bound", "margin"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("size=1", "--part-args size: Taking has no such argument; it takes scale, swap, mode, bound, margin$"),
        ("num_classes=3", "num_classes: Taking has no such argument"),
        ("collect_stats=true", "collect_stats: Taking has no such argument"),
        ("distance=LpDistance", "--part-args distance: use --distance for it"),
        ("scale=wide", "--part-args scale=wide: wanted a number, got wide"),
        ("scale=true", "scale=true: wanted a number, got true"),
        ("scale=nan", "scale=nan: wanted a number, got nan"),
        ("scale=inf", "scale=inf: wanted a number, got inf"),
        ("bound=true", "bound=true: wanted a number or a word, got true"),
        ("mode=false", "mode=false: wanted a number or a word, got false"),
        ("swap=1", "swap=1: wanted true or false, got 1"),
        ("swap=yes", "swap=yes: wanted true or false, got yes"),
        ("swap", "--part-args swap: wanted NAME=VALUE"),
    ],
)
def test_a_value_of_another_kind_is_refused(word, message):
    with pytest.raises(ArgumentError, match=message):
        build(Taking, "--part", (word,), {"num_classes": 4})


@pytest.mark.parametrize(
    ("kind", "word", "message"),
    [
        (Refusing, "size=2", r"--part Refusing: it cannot be built from these flags \(size must not be 2\)$"),
        (Refusing, "size=3", "--part-args size: wanted another$"),
        (Taking, "scale=1", "--part Taking: it cannot be built from these flags .*num_classes"),
    ],
)
def test_what_the_class_itself_refuses_is_passed_on(kind, word, message):
    with pytest.raises(ArgumentError, match=message):
        build(kind, "--part", (word,), {})
