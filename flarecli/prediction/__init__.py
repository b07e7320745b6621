"""From scan files to label-map files."""
