"""Prospector: recorded steps, slow twin, chance, rule sets."""
