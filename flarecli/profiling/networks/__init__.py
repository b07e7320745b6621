"""Networks measured one by one."""
