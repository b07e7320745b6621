"""What `just bench` runs: one file a subject, each giving rows for one table."""
