"""Processes that are measured: fresh ones for cold runs, a worker for warm ones."""
