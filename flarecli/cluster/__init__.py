"""Many scans on many machines: work is handed out by a scheduler of Dask."""
