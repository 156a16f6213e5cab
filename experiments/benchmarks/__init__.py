"""Measurements beside the peers: `python -m experiments.benchmarks.NAME [--quick] --json FILE`."""
