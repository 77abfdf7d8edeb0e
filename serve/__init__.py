"""Command line, run store, HTTP, live view."""
