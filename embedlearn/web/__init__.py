"""The page and its API: films are put in, answers, similar cases and reasons come out; nothing is kept."""
