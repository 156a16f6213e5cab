"""`embedlearn serve`: from a run and a gallery to a running page."""
