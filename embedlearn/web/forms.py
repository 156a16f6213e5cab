"""What the API takes and gives, as types: the field names are those of the files that the commands write."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Vector = Annotated[list[float], Field(min_length=1, max_length=4_096)]
USE = "Research use only: nothing here is fit for diagnosis."
MOST_CLASSES = 20
MOST_EXAMPLES = 1_000


class Form(BaseModel):
    """A JSON object; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Refusal(Form):
    """Why there is no answer: one plain line, and a word that a program can look at."""

    error: str
    code: str


class Support(Form):
    """Examples of one's own in place of the gallery's: of each class, `unknown` being none, its films' embeddings."""

    classes: dict[Annotated[str, Field(min_length=1, max_length=60)], Annotated[list[Vector], Field(min_length=1)]] = (
        Field(min_length=1, max_length=MOST_CLASSES)
    )


class Vectors(Form):
    """Embeddings to ask with in place of films, such as `embed` gave."""

    embeddings: list[Vector] = Field(min_length=1, max_length=1_000)
    support: Support | None = None


class Place(Form):
    """Where something lies on the latent map.

    `strange`: whether it is farther from the map's films than they are from each other, so that its place says nothing.
    """

    x: float
    y: float
    strange: bool


class EmbeddedFilm(Form):
    """An embedding of length 1."""

    embedding: Vector


class Embedded(Form):
    """The embeddings of films in the order in which they were sent, and the SHA-256 of the encoder's file."""

    encoder: str
    dimension: int
    films: list[EmbeddedFilm]


class Nearest(Form):
    """An example near a film: a case of the gallery by its `id`, or the `example`-th film of a support that was sent.

    Examples are counted from 0 through the support's classes in their order.
    """

    id: str | None
    example: int | None
    label: str
    distance: float


class Answer(Form):
    """What one head says of a film.

    `answer` is the class, or `unknown` where the film is unlike anything known: its `strangeness` is then beyond the
    `bound`, which is None where nothing could be fitted.
    """

    head: str
    answer: str
    class_: str = Field(alias="class")
    probability: float
    unknown: bool
    strangeness: float
    bound: float | None
    probabilities: dict[str, float]
    nearest: list[Nearest]


class AnsweredFilm(Form):
    """The answers to one film, a head each, its place on the latent map, and what to know of this film's answer."""

    answers: list[Answer]
    place: Place | None
    warnings: list[str]


class ClassMade(Form):
    """A class of the support: how many examples it has, and where its prototype lies on the latent map."""

    name: str
    examples: int
    place: Place | None


class FittedHead(Form):
    """What the run's validation films taught about a head; nothing, and the `reason`, where they are not at hand."""

    head: str
    temperature: float | None
    bound: float | None
    base_shots: int
    reason: str


class Classified(Form):
    """The answers to films in the order in which they were sent, and what they rest on."""

    encoder: str
    generation: str
    classes: list[ClassMade]
    heads: list[FittedHead]
    warnings: list[str]
    films: list[AnsweredFilm]


class Case(BaseModel):
    """A case of the gallery: its id and, beside those named here, the columns that may be shown.

    `picture`: whether `/v1/cases/{id}/film` has its film; `seen`: whether the encoder was trained on it.
    """

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    id: str
    label: str | None = None
    source: str | None = None
    view: str | None = None
    picture: bool
    seen: bool
    place: Place | None = None


class SimilarCase(Case):
    """A similar case; `same_picture`: whether it can hardly be told from the film that was asked with."""

    rank: int
    distance: float
    same_picture: bool


class FoundFilm(Form):
    """The cases most similar to one film, nearest first, and what to know of them."""

    cases: list[SimilarCase]
    warnings: list[str]


class Similar(Form):
    """Similar cases for films in the order in which they were sent."""

    generation: str
    films: list[FoundFilm]


class MapOfScore(Form):
    """What the places of a film add to one score: `map` is a matrix of rows of cells; sum + constant = score.

    `scale` is the value to draw in full colour: the largest, unless that is so small that it says nothing.
    """

    target: str
    score: float
    constant: float | None
    sum: float
    residual: float | None
    scale: float
    map: list[list[float]]


class MapsOfFilm(Form):
    """Maps over a film of `height` x `width` pixels, upright.

    `window` is what the whole even grid stands for and `shown` what the encoder saw, both as (top, left, bottom, right)
    in the film's pixels; the cells lie `lag` cells before those of the even grid.
    """

    height: int
    width: int
    window: Annotated[list[float], Field(min_length=4, max_length=4)]
    shown: Annotated[list[float], Field(min_length=4, max_length=4)]
    grid: list[int]
    lag: float
    maps: list[MapOfScore]


class ExplainedFilm(MapsOfFilm):
    """Why a film was answered as it was; `warnings`: what to know of this film.

    Four maps: the margin (`why` this class and `why_not` the other), like the class, like the nearest cases, and like
    one case: the one that was asked for, else the nearest. `nearest` are ids of cases, or positions in the support
    that was sent. `of_case` is that one case's own film, with the map of what in it is like the film that was sent.
    """

    answer: str
    why: str
    why_not: str
    nearest: list[str | int]
    case: str | int
    of_case: MapsOfFilm | None
    warnings: list[str]


class Explained(Form):
    """Explanations of films in the order in which they were sent; `verdict`: which checks such maps have passed."""

    encoder: str
    generation: str
    verdict: str
    films: list[ExplainedFilm]


class Picture(Form):
    """A film to be shown: a PNG as base64, of at most the sides that the page shows, and the film's own sides."""

    height: int
    width: int
    png: str


class Read(Form):
    """All that the page shows of one film."""

    picture: Picture
    embedding: Vector
    classified: Classified
    similar: Similar
    explained: Explained | None
    not_explained: str = ""


class LatentPoints(Form):
    """The latent map: of each film its place, its label (a position in `labels`) and its case, None where unknown."""

    kind: str
    sentences: list[str]
    labels: list[str]
    x: list[float]
    y: list[float]
    label: list[int]
    id: list[str | None]


class Example(Form):
    """A synthetic film to try the page with."""

    name: str
    label: str


class Examples(Form):
    """Synthetic films to try the page with; none where a real gallery is served."""

    examples: list[Example]


class Limits(Form):
    """How much may be sent at once."""

    films: int
    bytes: int
    pixels: int


class About(Form):
    """What is served."""

    version: str
    encoder: str
    preprocessing: dict[str, Any]
    dimension: int
    generation: str
    cases: int
    classes: list[ClassMade]
    heads: list[FittedHead]
    columns: list[str]
    map: str | None
    verdict: str
    limits: Limits
    demo: bool
    notes: list[str]
    use: str = USE
