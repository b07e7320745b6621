"""Many processes that work through one list of cases together, without a server."""
