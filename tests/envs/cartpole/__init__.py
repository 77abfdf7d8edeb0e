"""CartPole: against Gymnasium's, by definition, its scripted player and its pictures."""
