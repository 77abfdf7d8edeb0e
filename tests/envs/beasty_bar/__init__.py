"""Beasty Bar: recorded games, slow twin, hidden information, opponents."""
