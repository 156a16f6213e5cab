"""Tokens hide names, are the same for the same name, and are found again by who knows the salt."""

import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.identities import Identities, new_salt
from embedlearn.gallery.where import parse_condition

SALT = bytes(range(32))


def test_a_token_is_an_hmac_of_its_kind_and_words():
    import hashlib
    import hmac

    expected = hmac.new(SALT, b'["patient", "nih", "00000003"]', hashlib.sha256).hexdigest()[:32]
    assert Identities(SALT).patient("nih", "00000003") == expected


def test_kinds_sources_and_salts_give_other_tokens():
    names, others = Identities(SALT), Identities(new_salt())
    tokens = [names.film("a"), names.case("a"), names.patient("", "a"), names.patient("a", ""), others.film("a")]
    assert len(set(tokens)) == 5
    assert names.patient("a", "b/c") != names.patient("a/b", "c")
    assert new_salt() != new_salt() and len(new_salt()) == 32


def test_without_a_salt_names_are_kept():
    names = Identities(None)
    assert (names.film("f00d"), names.case("7"), names.patient("nih", "3")) == ("f00d", "7", "nih/3")


@pytest.mark.parametrize("salt", [SALT, None])
def test_a_condition_names_what_the_gallery_keeps(salt):
    names, sources = Identities(salt), ["nih", "cohen"]
    condition = names.condition(parse_condition("patient == '3' and view == 'PA' and id != 'x'"), sources)
    import pyarrow as pa

    rows = pa.table({
        "id": [names.film("x"), names.film("y"), names.case("x"), "x", names.film("z")],
        "patient": [names.patient("nih", "3"), names.patient("cohen", "3"), names.patient("nih", "3"), None, None],
        "view": ["PA", "PA", "PA", "PA", None],
    })  # fmt: skip
    assert condition.mask(rows).tolist() == [False, True, False, False, False]


def test_tokens_have_no_order():
    with pytest.raises(ArgumentError, match="patient"):
        Identities(SALT).condition(parse_condition("patient < 'm'"), ["nih"])
