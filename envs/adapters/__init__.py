"""Environments of other libraries, stepped side by side as games are."""
