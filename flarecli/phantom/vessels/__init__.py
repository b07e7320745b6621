"""Heart and blood vessels, and where they lie against the organs."""
