"""Time, memory and arithmetic of a system, measured from outside its process and, step by step, from inside."""
