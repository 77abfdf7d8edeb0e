"""Chunks, networks, loss terms, the learner and its checkpoints; runs without Ray."""
