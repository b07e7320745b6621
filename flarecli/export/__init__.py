"""Networks, contract, self-test and reference runner for use without flare."""
