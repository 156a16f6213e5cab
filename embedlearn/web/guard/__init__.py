"""What stands between the network and the API: who may ask, how much, how long, and what is written down of it."""
