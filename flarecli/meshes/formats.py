"""Formats that meshes are written in."""

MESH_SUFFIXES = (".stl", ".obj", ".glb")
"""Binary STL, Wavefront OBJ, glTF 2.0 binary."""
