"""What runs games and moves data: rollout, replay, weight store."""
