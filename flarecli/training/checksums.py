"""What a run is made of, as checksums: a run that goes on, or is taken for finished, must have the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from flarecli.volume.image_files import files_of_image
from flarecli.weights.card import sha256_of


def checksum_of_all(checksums: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over several things, in hexadecimal; it depends on their names, not on their order.

    Args:
        checksums: Name and checksum of each.
    """
    return hashlib.sha256(json.dumps(sorted(checksums)).encode()).hexdigest()


def checksum_of_images(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of images; of those with a header of its own over both files."""
    return checksum_of_all((file.name, sha256_of(file)) for path in paths for file in files_of_image(path))
