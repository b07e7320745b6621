"""The command with scans and results on servers."""
