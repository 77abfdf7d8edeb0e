"""Players, matches, results, evaluation, and the run that starts everything."""
