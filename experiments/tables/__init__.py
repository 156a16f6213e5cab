"""The tables of the documents, made from the stored results in `experiments/results`."""
