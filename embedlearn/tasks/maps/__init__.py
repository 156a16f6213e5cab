"""Maps of the latent space, their figures and their page."""
