"""`embedlearn COMMAND ...`, the same as `python -m embedlearn.COMMAND ...`."""

import importlib
import sys
from collections.abc import Sequence

from embedlearn.console import fail, say

COMMANDS = {
    "data": "data show: what a data set is, and its problems; data convert; data fetch",
    "pretrain": "train an encoder on common classes",
    "embed": "write the embeddings of films",
    "fewshot": "classify a rare class from a handful of examples, with intervals; fewshot predict: your own films",
    "index": "make a gallery of films to search, or change one",
    "explain": "show which regions of a film made its answer; explain check: whether that can be trusted",
    "search": "find the cases of a gallery that are most similar to a film",
    "visualize": "draw maps of the latent space, each with what it is worth, and a page to look around in",
    "serve": "open a page to put films in, with answers, similar cases and reasons; and a JSON API",
    "audit": "find out what a score is worth: leaks, twins, shortcuts, sources, mitigations",
}


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        say("usage: embedlearn COMMAND [--help] ...\n")
        for name, line in COMMANDS.items():
            say(f"  {name:10} {line}")
    elif given[0] not in COMMANDS:
        fail("embedlearn", f"{given[0]}: no such command; wanted {', '.join(COMMANDS)}")
    else:
        importlib.import_module(f"embedlearn.{given[0]}").main(given[1:])


if __name__ == "__main__":
    main()
