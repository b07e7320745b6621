"""Drawing of slices, contours and text on pictures, with Pillow."""
