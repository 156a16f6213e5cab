"""Flags that make trainings and evaluations small, and what a report says."""

import json

SMALL = ("--size", "32", "--dimension", "16", "--batch", "32", "--epochs", "2", "--crop", "0.7")
FEW = ("--episodes", "40", "--bootstrap", "10", "--queries", "5", "--supports", "10")


def scores_of(folder):
    """The rows of a report's scores by space, head, shots and metric."""
    result = json.loads((folder / "result.json").read_text())
    return {(row["space"], row["head"], row["shots"], row["metric"]): row for row in result["scores"]}
