"""Compiled core: the game table, vector stepping, sampling, returns kernels."""
