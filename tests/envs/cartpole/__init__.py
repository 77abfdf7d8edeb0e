"""CartPole against Gymnasium's."""
