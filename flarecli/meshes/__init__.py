"""Surfaces of organs as triangle meshes, for printing and for three-dimensional views."""
