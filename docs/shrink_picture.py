"""Make a picture small enough for the repository: `python docs/shrink_picture.py FROM.png TO.png`."""

from __future__ import annotations

import sys

from PIL import Image

_WIDTH = 1200
_COLOURS = 64


def main(source: str, destination: str) -> None:
    picture = Image.open(source).convert("RGB")
    size = (_WIDTH, round(_WIDTH * picture.height / picture.width))
    small = picture.resize(size, Image.Resampling.LANCZOS).quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(destination, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
