"""Which regions of a film make its score: maps that add up to it, gradient maps, and how far either can be trusted."""
