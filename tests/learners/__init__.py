"""Tests of learners/: every loss against its definition, the chunk, the networks, checkpoints and a learning task."""
