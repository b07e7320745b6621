"""Reads the pickles inside PyTorch's files without running anything that they ask for.

A pickle is a program. Here it can make dictionaries, lists, numbers, strings and descriptions of tensors; whatever
else it names is refused before it is looked up.

Source of the format: `torch.save` (PyTorch 2.13), `torch._utils._rebuild_tensor_v2`.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from typing import IO, Any, NamedTuple

import numpy as np

_STORAGE_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}


class CheckpointError(ValueError):
    """The file is not a readable checkpoint of plain tensors; the message names file, finding and expectation."""


class StorageRecord(NamedTuple):
    """A block of numbers in the file.

    Attributes:
        key: Its name in the file.
        dtype: Type of its elements, as numpy spells it.
        size: Number of its elements.
    """

    key: str
    dtype: str
    size: int

    @property
    def bytes(self) -> int:
        """Its length in the file."""
        return self.size * np.dtype(self.dtype).itemsize


class TensorRecord(NamedTuple):
    """A tensor as a view of a storage, in elements.

    Attributes:
        storage: Where its elements are.
        offset: Place of its first element.
        shape: Its shape.
        strides: Distance of neighbours along each axis.
    """

    storage: StorageRecord
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, elements: np.ndarray) -> np.ndarray:
        """The tensor, copied out of the elements of its storage."""
        steps = tuple(step * elements.itemsize for step in self.strides)
        return np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, steps).copy()


def load_plain(file: IO[bytes]) -> tuple[Any, dict[str, StorageRecord]]:
    """Unpickle one object of plain Python values and tensor records; leaves the file behind it.

    Returns:
        The object, and every storage that it refers to by its key.

    Raises:
        CheckpointError: when the pickle is damaged or asks for anything else.
    """
    unpickler = _PlainUnpickler(file)
    try:
        return unpickler.load(), unpickler.storages
    except CheckpointError:
        raise
    except Exception as error:
        # Damaged pickles raise nearly anything: the machine that reads them checks little.
        raise CheckpointError(f"its pickle is damaged ({type(error).__name__}: {error})") from error


class _TensorRebuilder:
    """Stands for `torch._utils._rebuild_tensor_v2`. No attributes: a pickle may try to set some."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *further: Any) -> TensorRecord:
        numbers = (offset, *shape, *strides)
        if (
            not isinstance(storage, StorageRecord)
            or not all(type(number) is int and number >= 0 for number in numbers)
            or len(shape) != len(strides)
        ):
            raise CheckpointError("it describes a tensor wrongly")
        count = math.prod(shape)
        last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
        if count and (last >= storage.size or count > storage.size):
            raise CheckpointError(f"a tensor of shape {tuple(shape)} exceeds its storage of {storage.size} elements")
        return TensorRecord(storage, offset, tuple(shape), tuple(strides))


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, StorageRecord] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _TensorRebuilder()
        if module == "torch" and name in _STORAGE_TYPES:
            return _STORAGE_TYPES[name]
        raise CheckpointError(
            f"it asks for {module}.{name}, which is refused; expected tensors of plain numbers, dictionaries and lists "
            "only: save the state dictionary alone"
        )

    def persistent_load(self, pid: Any) -> StorageRecord:
        is_storage = isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage"
        if not is_storage or pid[5:] not in ((), (None,)):
            raise CheckpointError(f"it refers to {str(pid)[:60]}, expected a whole storage")
        _, dtype, key, _, size = pid[:5]
        if dtype not in _STORAGE_TYPES.values() or type(key) is not str or type(size) is not int or size < 0:
            raise CheckpointError(f"it describes a storage wrongly: {str(pid)[:60]}")
        record = StorageRecord(key, dtype, size)
        if self.storages.setdefault(key, record) != record:
            raise CheckpointError(f"it describes storage {key} in two ways")
        return record
