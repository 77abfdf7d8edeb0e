"""Any environment of Gymnasium with discrete actions and arrays as observations, as a game of one seat."""
