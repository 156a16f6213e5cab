"""Films that strangers send: told by their content, bounded, and decoded in processes of their own."""
