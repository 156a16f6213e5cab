"""`python -m experiments.objectives`: which training objective makes an embedding that holds a class it never saw."""
