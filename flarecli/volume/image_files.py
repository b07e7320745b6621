"""Reads images of every file format: first the header, then the stored voxels."""

from __future__ import annotations

from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.names import image_suffix
from flarecli.volume.image import ImageHeader, StoredImage
from flarecli.volume.metaimage import read_metaimage_header
from flarecli.volume.nifti import nifti_files, read_nifti_header
from flarecli.volume.nrrd import read_nrrd_header
from flarecli.volume.voxel_data import read_stored

_READERS = {
    ".nrrd": read_nrrd_header,
    ".nhdr": read_nrrd_header,
    ".mha": read_metaimage_header,
    ".mhd": read_metaimage_header,
}


def read_header(path: Path) -> ImageHeader:
    """Read the header of a NIfTI, NRRD or MetaImage file; no voxels are read.

    NRRD and MetaImage are recognized by the name, all other files are read as NIfTI.

    Raises:
        InputError: when the file is missing, no regular file, unreadable, or no image, or when its header is damaged or
            contradicts itself.
    """
    path = Path(path)
    return _READERS.get(image_suffix(path), read_nifti_header)(path)


def read_image(header: ImageHeader, *, beside_bytes: int = 0) -> StoredImage:
    """Read the stored voxels of an image whose header has been read, and found right by the caller.

    Args:
        header: What `read_header` gave.
        beside_bytes: What the caller will need beside the stored values, for the check of memory.

    Raises:
        InputError: when a file is missing, damaged, too short or much too long, or when memory does not suffice.
    """
    stored, warnings = read_stored(header.data, header.shape, header.dtype, header.path, beside_bytes=beside_bytes)
    return StoredImage(header, stored, (*header.warnings, *warnings))


def files_of_image(path: Path) -> tuple[Path, ...]:
    """The files that are read for an image: the one that is named, and those that its header names, wherever they lie.

    They need not exist. Of a header that cannot be read it is the file itself.
    """
    if image_suffix(path) not in _READERS:
        return tuple(dict.fromkeys((path, *nifti_files(path))))
    try:
        return tuple(dict.fromkeys((path, *read_header(path).data.paths)))
    except InputError:
        return (path,)
