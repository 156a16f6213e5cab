"""What a reader must know before believing a table, in plain sentences."""

from __future__ import annotations

from embedlearn.episodes.heads import TRANSDUCTIVE
from embedlearn.episodes.pool import TRAINED, Pool
from embedlearn.episodes.results import FewShotResult
from embedlearn.episodes.study import FewShotStudy

FEW_CASES = 30
WORSE = 0.01  # of calibration error
AS_GOOD = 0.05  # of accuracy: a probe so near to the encoder is as good


def cautions(study: FewShotStudy, pool: Pool) -> list[str]:
    """Every warning and note that applies, the weightiest first."""
    found = []
    for shots in study.result.episodes:
        found.extend(_of_probes(study.result, pool, shots))
    if len(set(pool.frame["source"])) > 1 and (names := pool.confounded()):
        found.append(f"warning: not every source has films of {', '.join(names)}; a source can give a class away")
    for name, count in pool.counts().items():
        if count["cases"] < FEW_CASES:
            found.append(f"warning: only {count['cases']} cases of {name}; other patients may give another picture")
        if nameless := pool.nameless().get(name):
            found.append(
                f"warning: {nameless} of {count['films']} films of {name} name no patient: only their near-identical "
                "films are kept together, and the interval by patient may be too narrow"
            )
    if worse := _worse_mended(study.result):
        found.append(
            f"warning: the temperature from base films makes probabilities worse here with {', '.join(worse)}: the "
            "base classes are another question"
        )
    if named := [head for head in study.plan.heads if head in TRANSDUCTIVE]:
        found.append(
            f"warning: {', '.join(named)}: transductive, an answer depends on the other queries; with balanced ones it "
            "may rest on their balance, which no clinic's have: read both tables"
        )
    if study.unknown and pool.base is None:
        found.append("note: no base films at hand, so that no bound for the unknown could be carried over")
    if any(str(source).startswith("phantom") for source in pool.frame["source"]):
        found.append("note: the films are synthetic phantoms; the numbers say nothing about patients")
    return found


def _worse_mended(result: FewShotResult) -> list[str]:
    """Heads of the trained space whose calibration error is larger at the fitted temperature, at any shots."""
    sides = [
        (setting.head, scores.calibration) for setting, scores in result.scores.items() if setting.space == TRAINED
    ]
    worse = [head for head, found in sides if found.mended and found.mended.ece > found.raw.ece + WORSE]
    return list(dict.fromkeys(worse))


def _of_probes(result: FewShotResult, pool: Pool, shots: int) -> list[str]:
    chance = 1 / result.episodes[shots].n_way
    best = {
        space: max(
            result.estimate(space, setting.head, shots, "accuracy").mean
            for setting in result.scores
            if (setting.space, setting.shots) == (space, shots)
        )
        for space in pool.spaces
    }
    return [
        f"warning: at {shots} shot{'s' * (shots > 1)} the {space} alone reaches accuracy {best[space]:.3f} (encoder "
        f"{best[TRAINED]:.3f}, best heads): the score may rest on where films come from"
        for space in best
        if space.endswith("probe") and best[space] >= max(best[TRAINED], chance) - AS_GOOD and best[space] > chance
    ]
