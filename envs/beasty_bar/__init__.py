"""Beasty Bar (Zoch 2014): animals jostle in a queue of five for two places in the bar; hands are hidden."""
