"""Ways to run a network forward: one interface, several libraries, chosen by measurement."""
