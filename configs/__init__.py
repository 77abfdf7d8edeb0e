"""One YAML file per run."""
