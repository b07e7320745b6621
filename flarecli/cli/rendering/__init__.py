"""How commands show their results on the terminal."""
