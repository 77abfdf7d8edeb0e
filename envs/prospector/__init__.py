"""Prospector: mine asteroids, sell at the one station, come home alive."""
