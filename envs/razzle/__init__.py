"""Razzle Dazzle: knights carry a ball they pass along queen lines, on a board of 8 rows by 7 columns."""
