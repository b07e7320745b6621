"""What the machine has: processors, memory, GPUs."""
