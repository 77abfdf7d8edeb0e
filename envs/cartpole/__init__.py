"""CartPole: keep a pole upright on a cart that can be pushed left or right."""
