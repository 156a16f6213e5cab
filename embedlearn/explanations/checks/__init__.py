"""Whether maps can be believed: each check asks one thing of a method, and a method can fail it."""
