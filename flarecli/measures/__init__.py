"""What organs measure, and how far each can be trusted."""
