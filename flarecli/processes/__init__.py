"""Other Python processes that this one starts: what becomes of them, and how their end is noticed."""
