"""Galleries: making them, changing them, asking them."""
