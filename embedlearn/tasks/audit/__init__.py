"""What `embedlearn audit` does."""
