"""Files on servers: read into a private temporary folder, and published from it whole or not at all."""
