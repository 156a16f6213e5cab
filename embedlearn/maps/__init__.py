"""Maps of the latent space: projections, how far each can be trusted, figures and an interactive page."""
