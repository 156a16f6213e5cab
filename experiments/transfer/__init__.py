"""`python -m experiments.transfer`: which way of training makes an embedding that holds a class it never saw."""
