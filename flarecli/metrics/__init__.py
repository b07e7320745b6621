"""The scores of the FLARE challenges: volume overlap and surface distances of organs."""
