"""Drawing shapes and smooth noise on a grid of voxels."""
