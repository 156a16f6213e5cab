"""All checks of all methods, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from embedlearn.errors import MismatchError
from embedlearn.explanations.checks.borders import check_borders
from embedlearn.explanations.checks.completeness import check_completeness
from embedlearn.explanations.checks.deletion import check_deletion
from embedlearn.explanations.checks.lesions import check_lesions, plant_lesions
from embedlearn.explanations.checks.lungs import LungFilms, ask_lungs
from embedlearn.explanations.checks.question import QUERIES, CheckedFilms, CheckedNetwork, draw_question
from embedlearn.explanations.checks.randomisation import check_randomisation
from embedlearn.explanations.checks.repeatability import check_repeatability
from embedlearn.explanations.checks.road import check_road
from embedlearn.explanations.checks.verdict import Verdict
from embedlearn.explanations.methods import named_method

COMMON = 7  # checks, lungs aside


def run_checks(
    network: CheckedNetwork,
    films: CheckedFilms,
    methods: Sequence[str],
    *,
    against: CheckedNetwork | None = None,
    lungs: Sequence[LungFilms] = (),
    queries: int = QUERIES,
    foreign: bool = False,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """The verdicts on `methods`, by name, as maps of this network's answers; method by method, check by check.

    `films` are films that the network was not trained on: of them, about `queries` are asked about, and others stand
    for their classes. `against` is an encoder trained with another seed, `lungs` are films with outlines of the lungs,
    which the network was not trained on either, and whose cases are numbered with those of `films`;
    `foreign` says that the network was not trained on phantoms. `progress` is called with checks done and in all.
    Raises `EpisodeError` for too few films, `ArgumentError` for an unknown method, and `MismatchError` where `against`
    is the same encoder or reads films in another way.
    """
    known = {name: named_method(name) for name in methods}
    _require_other(network, against)
    question = draw_question(network, films, queries=queries, seed=seed)
    asked = question.put_to(network)

    def found() -> Iterator[list[Verdict]]:
        maps = asked.maps_by(known)
        yield check_completeness(asked, known)
        yield check_randomisation(asked, maps, known, question, seed=seed)
        yield check_deletion(asked, maps, seed=seed)
        yield check_road(asked, maps, seed=seed)
        yield check_repeatability(question, maps, question.put_to(against).maps_by(known) if against else None)
        lesions = plant_lesions(network)
        yield check_lesions(lesions, lesions.asked.maps_by(known), foreign=foreign)
        yield check_borders(asked, maps)
        for outlined in lungs:
            yield ask_lungs(network, outlined, question, known)

    verdicts: list[Verdict] = []
    for done, part in enumerate(found(), 1):
        verdicts += part
        if progress:
            progress(done, COMMON + len(lungs))
    return sorted(verdicts, key=lambda verdict: list(known).index(verdict.method))


def _require_other(network: CheckedNetwork, against: CheckedNetwork | None) -> None:
    """Raise `MismatchError` unless `against` is another encoder that reads films in the same way."""
    if against is None:
        return
    if against.preprocessing != network.preprocessing:
        raise MismatchError(
            f"--against: wanted a run whose films are read as {network.preprocessing}, got {against.preprocessing}; "
            "name one trained with the same settings"
        )
    mine, theirs = (side.encoder.state_dict() for side in (network, against))
    if mine.keys() == theirs.keys() and all(mine[name].equal(theirs[name]) for name in mine):
        raise MismatchError("--against: wanted an encoder trained with another seed, got the same one; name another")
