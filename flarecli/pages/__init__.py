"""Pages that stand alone: one HTML file with style, scripts and pictures, which loads nothing from anywhere."""
