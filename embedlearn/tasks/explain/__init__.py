"""Explanations of films, and the checks of their maps."""
