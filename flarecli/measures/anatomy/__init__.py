"""Plain anatomy as evidence on a label map: size, shape, tissue and position of each organ, whatever found it."""
