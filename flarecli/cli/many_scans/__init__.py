"""What `flare predict` does about many scans: where they come from, how they are worked on, what is shown of them."""
