"""Lists of a million scans: cases are made as they are asked for, and outputs checked by their names."""
