"""Tests of the games: the conformance suite for all of them, twins, truth from elsewhere."""
