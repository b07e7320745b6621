"""The parts of the reference runner, which an export joins in one file; numpy alone, and a runtime of networks."""
