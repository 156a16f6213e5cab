"""What was tried, as commands that remake the tables."""
