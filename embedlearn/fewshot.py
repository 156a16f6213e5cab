"""`python -m embedlearn.fewshot --shots 5`: how far a handful of examples goes; `predict`: a user's own films."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.console import progress, run_command, say
from embedlearn.flags import as_plain
from embedlearn.tasks.fewshot.flags import FewShot, as_replayed, check_words, plan_of
from embedlearn.tasks.fewshot.predicting import Predict, predict

if TYPE_CHECKING:
    from embedlearn.encoders.runs import Run
    from embedlearn.episodes.heads.base import EpisodeHead
    from embedlearn.episodes.pool import Pool
    from embedlearn.sources import Collection

PROGRAM = "embedlearn fewshot"
SUBCOMMAND = "predict"


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [SUBCOMMAND]:
        run_command(Predict, predict, f"{PROGRAM} {SUBCOMMAND}", given[1:])
    else:
        run_command(FewShot, _run, PROGRAM, given)


def _run(settings: FewShot) -> None:
    from embedlearn.episodes.printing import print_report
    from embedlearn.episodes.record import load_episodes
    from embedlearn.episodes.report import write_report
    from embedlearn.episodes.study import run_study
    from embedlearn.files import require_folder
    from embedlearn.tasks.cards import renew_cards

    if settings.out:
        require_folder(settings.out, "--out")
    if settings.replay:
        settings = as_replayed(settings, settings.replay)
    check_words(settings)
    run = _run_of(settings)
    pool, collection = _pool(settings, run)
    counts = (f"{name} {count['films']} of {count['cases']} cases" for name, count in pool.counts().items())
    say(f"unseen films: {', '.join(counts)}")
    replay = {settings.shots[0]: load_episodes(settings.replay, pool.frame)} if settings.replay else None
    tuned = _fine_tuning(settings, run, collection) if settings.fine_tune and run and collection else None
    study = run_study(pool, plan_of(settings, pool), progress, replay, tuned)
    print_report(study, pool)
    beside = run.folder if run else settings.embeddings.parent if settings.embeddings else Path()
    out = settings.out or beside / "fewshot"
    written = write_report(out, study, pool, as_plain(settings), thumbnails=settings.thumbnails)
    say(f"wrote {out}: {', '.join(written)}")
    if run and out.resolve() == (run.folder / "fewshot").resolve():
        renew_cards(run.folder, "the evaluation in them is this one")


def _run_of(settings: FewShot) -> Run | None:
    """The run that is named, or the newest; none where embeddings are named alone."""
    if settings.embeddings and not settings.run:
        return None
    from embedlearn.encoders.runs import choose_run

    return choose_run(settings.run, settings.runs)


def _pool(settings: FewShot, run: Run | None) -> tuple[Pool, Collection | None]:
    """The pool to evaluate, and its films where they were decoded."""
    if run is None:
        from embedlearn.episodes.pool import stored_pool

        assert settings.embeddings is not None
        pool, notes = stored_pool(settings.embeddings, settings.classes, settings.transform)
        for note in notes:
            say(f"  note: {note}")
        return pool, None
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import choose_run
    from embedlearn.tasks.fewshot.pools import pool_of_embeddings, pool_of_films

    device = choose_device(settings.device)
    if settings.embeddings:
        return pool_of_embeddings(settings.embeddings, run, settings.classes, settings.transform, device)
    against = choose_run(settings.against, settings.runs) if settings.against else None
    return pool_of_films(settings, run, settings.classes, settings.transform, device, against)


def _fine_tuning(settings: FewShot, run: Run, collection: Collection) -> EpisodeHead:
    """The head that trains the last block of the run's encoder, for the pool's films."""
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.finetuning import freeze_trunk
    from embedlearn.tasks.fewshot.finetuning import FineTuneClassifier

    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    with progress("asking the frozen trunk") as report:
        trunk = freeze_trunk(saved.encoder, collection.films, saved.preprocessing, device=device, progress=report)
    return FineTuneClassifier(trunk, device=device.type)


if __name__ == "__main__":
    main()
