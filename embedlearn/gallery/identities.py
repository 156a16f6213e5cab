"""Names that say nothing: a case's id, its patient and its film as tokens of a secret salt.

An embedding can still identify a patient to who has another of the patient's films (Packhäuser 2022): tokens keep
names out of a gallery, they do not make it anonymous.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from embedlearn.gallery.where import Condition, Value

DIGITS = 32  # hexadecimal ones of a token: 128 bits
BYTES = 32


@dataclass(frozen=True)
class Identities:
    """How a gallery names films and patients: by HMAC-SHA256 with `salt`, or, without one, as they are."""

    salt: bytes | None

    def film(self, digest: str) -> str:
        """The name of a film, from the SHA-256 of its file."""
        return self._token("film", digest)

    def case(self, name: str) -> str:
        """The name of a case, from what a column of the user's calls it."""
        return self._token("case", name)

    def patient(self, source: str, patient: str) -> str:
        """The name of a patient, who is one within a source only."""
        return self._token("patient", source, patient)

    def ids(self, name: str) -> list[str]:
        """What a case of that name may be called: the name may be an id, or what the user calls the case."""
        return list(dict.fromkeys([name, self.case(name)]))

    def films(self, name: str) -> list[str]:
        """What a film of that name may be called: the name may be a token, or the SHA-256 of its file."""
        return list(dict.fromkeys([name, self.film(name)]))

    def patients(self, name: str, sources: Iterable[str]) -> list[str]:
        """What a patient of that name may be called, in any of the sources."""
        return list(dict.fromkeys([name, *(self.patient(source, name) for source in sources)]))

    def condition(self, where: Condition, sources: Sequence[str]) -> Condition:
        """The condition with ids and patients, where it names any, in the gallery's words."""

        def values_of(column: str, value: Value) -> list[Value]:
            if column == "id":
                return [*self.ids(str(value)), self.film(str(value))]
            if column in ("film", "twin"):
                return [*self.films(str(value))]
            return [*self.patients(str(value), sources)] if column == "patient" else [value]

        return where.replace_values(values_of)

    def _token(self, kind: str, *words: str) -> str:
        if self.salt is None:
            return "/".join(words)
        message = json.dumps([kind, *words]).encode()
        return hmac.new(self.salt, message, hashlib.sha256).hexdigest()[:DIGITS]


def new_salt() -> bytes:
    """A salt that nobody knows."""
    return secrets.token_bytes(BYTES)
