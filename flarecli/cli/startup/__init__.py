"""What the command does to its process before anything else: signals, standard streams, imports."""
