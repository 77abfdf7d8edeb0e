"""Slow games in plain Python, written from the rules, without a line in common with the fast ones."""
