"""Training of one network: model, losses, optimiser, loop, checkpoints, the folder of a run."""
