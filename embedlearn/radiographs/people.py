"""Age, sex and view of a film in one form each, whatever a table or a DICOM file writes."""

import re

OLDEST = 120  # years; public tables hold slips such as 412
PER_YEAR = {"y": 1.0, "m": 12.0, "w": 365.25 / 7, "d": 365.25}
AGE = re.compile(r">?\s*(\d+(?:[.,]\d+)?)\s*([a-z]*)\s*\+?")

SEXES = {
    **dict.fromkeys(("f", "female", "woman", "girl", "w", "weiblich"), "F"),
    **dict.fromkeys(("m", "male", "man", "boy", "männlich"), "M"),
}
VIEWS = {
    "pa": "PA",
    "ap": "AP",
    **dict.fromkeys(("l", "lat", "lateral", "ll", "rl", "left lateral", "right lateral"), "L"),
    **dict.fromkeys(("aps", "supine"), "AP Supine"),  # who lies on the back is taken from the front
    "portable": "AP Portable",  # a mobile unit stands before its patient
    "frontal": "Frontal",
}
DIRECTIONS = {r"poster(o|ior)[\s_/-]*anterior": "pa", r"anter(o|ior)[\s_/-]*posterior": "ap"}
FRONTAL = ("PA", "AP", "Frontal")
UNKNOWN = ("", "nan", "none", "na", "n a", "null", "unk", "unknown", "?")


def age_of(text: str | None) -> str | None:
    """Age in years as text: "65.0" and "065Y" -> "65", "018M" -> "1.5"; None where it tells none up to `OLDEST`.

    A lower bound ("90+", ">89"), as anonymised tables write it, counts as the age it names.
    """
    found = AGE.fullmatch((text or "").strip().lower())
    unit = found[2][:1] or "y" if found else ""
    if not found or unit not in PER_YEAR:
        return None
    years = round(float(found[1].replace(",", ".")) / PER_YEAR[unit], 2)
    return f"{years:g}" if years <= OLDEST else None


def sex_of(text: str | None) -> str | None:
    """F or M; None where the text says neither."""
    return SEXES.get((text or "").strip().lower())


def view_of(text: str | None) -> str | None:
    """PA, AP, L, or one with its position ("AP Supine"); another view is tidied, and an unknown one None."""
    plain = (text or "").lower().replace(".", "")
    for spelling, short in DIRECTIONS.items():
        plain = re.sub(spelling, short, plain)
    words = [word for word in re.split(r"[\s_/-]+", plain) if word not in ("", "chest", "view")]
    words.sort(key=lambda word: word not in ("pa", "ap"))  # "portable AP" is "AP portable"
    whole = " ".join(words)
    if whole in UNKNOWN:
        return None
    if whole in VIEWS or words[0] not in VIEWS:
        return VIEWS.get(whole) or whole.title()
    return " ".join([VIEWS[words[0]], *(word.title() for word in words[1:])])


def is_frontal(view: str | None) -> bool:
    """Whether a canonical view is taken from the front or the back, in whatever position."""
    return view is not None and view.split()[0] in FRONTAL
