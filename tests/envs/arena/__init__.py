"""The arena: recorded games, the twin, fairness, bots, last one standing."""
