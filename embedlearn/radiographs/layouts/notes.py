"""The sentences that a manifest carries about what its source leaves open."""

from collections.abc import Iterable, Mapping


def patients_note(source: str, rows: Iterable[Mapping[str, object]], why: str) -> list[str]:
    """One sentence where some of the rows have no patient, else none; `why` says what was looked at."""
    patients = [row.get("patient") for row in rows]
    if unknown := sum(patient is None for patient in patients):
        return [f"{source} names no patients for {unknown:,} of {len(patients):,} films: {why}"]
    return []


def left_out_note(source: str, what: str, names: list[str]) -> list[str]:
    """One sentence with the count and the first name where something was left out, else none."""
    return [f"{source}: {len(names):,} {what}, the first is {names[0]}"] if names else []
