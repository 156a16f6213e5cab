"""What the page and the API answer with: one encoder and one gallery in memory."""
