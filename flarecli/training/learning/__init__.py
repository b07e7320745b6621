"""One network learning: model, losses, optimiser, checkpoints, the folder of a run."""
