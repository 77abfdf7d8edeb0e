"""Files that put Ludus on machines."""
