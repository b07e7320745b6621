"""`flare evaluate` and its subcommands."""
