"""Names of files, and how files are written."""
