"""Few-shot episodes: sampling, heads (one method a file), evaluation and intervals."""
