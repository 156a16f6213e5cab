"""`python -m embedlearn.audit`: what a score on these films is worth."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.audit.flags import Audit

PROGRAM = "embedlearn audit"
FOUND = 1  # exit code where a warning is among what --fail-on names


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Audit, _audit, PROGRAM, arguments)


def _audit(settings: Audit) -> None:
    from embedlearn.tasks.audit.auditing import audit_films

    if audit_films(settings):
        raise SystemExit(FOUND)


if __name__ == "__main__":
    main()
