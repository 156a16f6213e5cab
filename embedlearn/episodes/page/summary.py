"""What a study found, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embedlearn.episodes.cautions import AS_GOOD
from embedlearn.episodes.page.cells import support
from embedlearn.episodes.pool import TRAINED, UNTRAINED
from embedlearn.episodes.results import Difference, Estimate, FewShotResult, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.pages.numbers import p_value, percent, points

PROBES = {
    "border probe": "which sees no more than the outer eighth of a film",
    "header probe": "which sees no more than a file's size and format",
}


def summary(study: FewShotStudy) -> list[str]:
    """What was found at the largest number of shots, a sentence or two for each question that was asked."""
    shots = max(study.result.episodes)
    best = best_setting(study.result, TRAINED, shots)
    return [
        _of_best(study, best),
        *_of_training(study.result, best),
        *_of_probes(study.result, best),
        *_of_unknown(study, shots),
        _of_calibration(study.result, best),
    ]


def best_setting(result: FewShotResult, space: str, shots: int) -> Setting:
    """The head of the highest mean accuracy in a space at a number of shots; of equal ones the first."""
    among = [setting for setting in result.scores if (setting.space, setting.shots) == (space, shots)]
    return max(among, key=lambda setting: _accuracy(result, setting).mean)


def _of_best(study: FewShotStudy, best: Setting) -> str:
    result, episodes, heads = study.result, study.result.episodes[best.shots], len(study.plan.heads)
    who = f"{best.head} on the trained encoder"
    if heads > 1:
        who = f"the best of {heads} heads on the trained encoder, {best.head},"
    found = _accuracy(result, best)
    text = f"With {support(episodes)}, {who} answers {percent(found.mean)} of the queries rightly{_reach(found)}; "
    if episodes.balanced:
        text += f"guessing would give {percent(1 / episodes.n_way)}."
    else:
        text += f"always giving the commonest answer would give {percent(episodes.commonest)}."
    return text + (" The best was chosen on these same films, which flatters it." if heads > 1 else "")


def _of_training(result: FewShotResult, best: Setting) -> Iterator[str]:
    beside = best._replace(space=UNTRAINED)
    if beside not in result.scores:
        return
    gain = result.scores[best].difference(result.scores[beside], "accuracy")
    reached = percent(_accuracy(result, beside).mean)
    text = f"On an untrained network of the same shape the same head reaches {reached}: training changes that by "
    text += f"{points(gain.mean)} points{_reach(gain)}"
    interval = gain.patient or gain.episode
    told = interval.low > 0 or interval.high < 0
    yield text + ("." if told else ", which cannot be told from no change.")


def _of_probes(result: FewShotResult, best: Setting) -> Iterator[str]:
    probes = [space for space in dict.fromkeys(setting.space for setting in result.scores) if space.endswith("probe")]
    if not probes:
        return
    each = [best_setting(result, space, best.shots) for space in probes]
    found = max(each, key=lambda setting: _accuracy(result, setting).mean)
    lead = result.scores[best].difference(result.scores[found], "accuracy")
    seen = f", {PROBES[found.space]}," if found.space in PROBES else ""
    text = (
        f"The best probe, the {found.space}{seen} reaches {percent(_accuracy(result, found).mean)} with its best head; "
    )
    text += f"the encoder's lead over that is {points(lead.mean)} points{_reach(lead)}"
    yield text + (": the score may rest on where films come from." if lead.mean <= AS_GOOD else ".")


def _of_unknown(study: FewShotStudy, shots: int) -> Iterator[str]:
    among = {s: found for s, found in study.unknown.items() if (s.space, s.shots) == (TRAINED, shots)}
    if not among:
        return
    setting, found = max(among.items(), key=lambda item: item[1].auroc.mean)
    text = f"Left out of the support, films of {study.plan.positive} are stranger than known ones in "
    text += f"{percent(found.auroc.mean)} of pairs by the best measure, {setting.measure}{_reach(found.auroc)}; a coin "
    text += "gives 50 %."
    if found.bound is not None:
        text += f" A bound set on base films catches {percent(found.pooled.unknown_caught)} of them and turns away "
        text += f"{percent(found.pooled.known_rejected)} of the known."
    yield text


def _of_calibration(result: FewShotResult, best: Setting) -> str:
    found = result.scores[best].calibration
    text = (
        f"The probabilities of {best.head} differ from its share of right answers by {100 * found.raw.ece:.1f} points "
    )
    text += "on average (ECE)"
    if found.mended is None:
        return text + "; there was nothing to fit a temperature on."
    return text + f", after a temperature fitted on base films by {100 * found.mended.ece:.1f}."


def _accuracy(result: FewShotResult, setting: Setting) -> Estimate:
    return result.scores[setting].estimate("accuracy")


def _reach(found: Estimate | Difference) -> str:
    """The interval that a reader should look at, and p of a difference, in brackets."""
    by_patient = found.patient is not None and not np.isnan(found.patient.low)
    interval = found.patient if by_patient and found.patient else found.episode
    if np.isnan(interval.low):
        return ""
    write, p = percent, ""
    if isinstance(found, Difference):
        told = p_value(found.patient_p if by_patient else found.episode_p)
        write, p = points, f", p {told if told.startswith('<') else '= ' + told}"
    kind = "by patient" if by_patient else "over episodes"
    return f" (95 % interval {kind} {write(interval.low)} to {write(interval.high)}{p})"
