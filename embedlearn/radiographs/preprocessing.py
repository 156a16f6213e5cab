"""What is done to a film before an encoder sees it, as one value that travels with everything made from it."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from embedlearn.files import value_digest
from embedlearn.flags import require_choice, require_number

VERSION = 1  # raised when the same settings would give other pixels


@dataclass(frozen=True)
class Preprocessing:
    """Settings from a decoded grey film to the pixels that an encoder reads.

    Everything up to 8-bit pixels is kept in the cache; `standardise` is applied to a batch.
    """

    size: int = 96
    """Side of the square film, in pixels."""
    fit: Literal["crop", "pad"] = "crop"
    """How to make a film square: keep its central square, or pad it with black (which shows its aspect ratio)."""
    border: float = 0.0
    """Share of each side cut away first, 0 to 0.4: borders carry a hospital's marks."""
    clahe: bool = False
    """Equalise contrast locally (CLAHE, Zuiderveld 1994; clip limit 0.01)."""
    standardise: Literal["fixed", "film"] = "fixed"
    """Grey values as (x - 0.5) / 0.25, or to zero mean and unit variance film by film."""

    def __post_init__(self) -> None:
        require_choice("--fit", self.fit, ("crop", "pad"))
        require_choice("--standardise", self.standardise, ("fixed", "film"))
        require_number("--size", self.size, 16, 2048)
        require_number("--border", self.border, 0, 0.4)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name these settings."""
        return value_digest({"version": VERSION, **dataclasses.asdict(self)})[:16]

    @property
    def pixels_digest(self) -> str:
        """Like `digest`, of the part that decides the cached 8-bit pixels."""
        settings = dataclasses.asdict(self)
        del settings["standardise"]
        return value_digest({"version": VERSION, **settings})[:16]
