"""Tests of league/."""
