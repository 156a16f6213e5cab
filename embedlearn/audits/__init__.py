"""What a score is worth: how much of it could be had without looking at the lungs."""
