"""What is measured; `ludus bench` runs it."""
