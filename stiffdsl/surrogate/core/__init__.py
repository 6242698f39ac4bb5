"""Vocabulary of every surrogate: its task, coordinates, domain, errors it states, and the calls it answers."""
