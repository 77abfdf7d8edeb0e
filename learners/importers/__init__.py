"""Logs of other programs as datasets of steps: damaged lines are counted and left out"""
