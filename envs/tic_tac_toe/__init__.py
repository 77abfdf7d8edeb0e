"""Noughts and crosses: three in a row on a 3x3 board."""
