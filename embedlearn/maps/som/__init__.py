"""The self-organising map: training, measures, exemplar films, figures."""
