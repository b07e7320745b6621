"""Reads the pickles inside PyTorch's files without running anything that they ask for.

A pickle is a program. Here a restricted interpreter runs it, which can create dictionaries, lists, numbers, strings
and descriptions of tensors, and nothing else: Python's unpickler is not used, and memory is bounded.

Source of the format: `torch.save` (PyTorch 2.13), `torch._utils._rebuild_tensor_v2`.
"""

from __future__ import annotations

import math
import pickletools
import reprlib
from collections import OrderedDict
from collections.abc import Callable
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

LARGEST_PICKLE_BYTES = 16_000_000
"""Pickles describe tensors, and do not hold their values: a kilobyte for each."""

_MOST_OPERATIONS = 2_000_000
_LONGEST_LINE = 4096
_LARGEST_NUMBER = 1 << 62
_MOST_AXES = 32
_SHOWN = 60


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


def load_plain(file: IO[bytes], length: int) -> tuple[Any, dict[str, StorageRecord]]:
    """Read one object of plain Python values and tensor records; leaves the file behind it.

    Args:
        file: Stands at the beginning of the pickle.
        length: Bytes of the file from there on.

    Returns:
        The object, and every storage that it refers to by its key.

    Raises:
        CheckpointError: when the pickle is damaged, too long, or asks for anything else.
    """
    machine = _Interpreter()
    try:
        return machine.run(_Bounded(file, min(length, LARGEST_PICKLE_BYTES))), machine.storages
    except CheckpointError:
        raise
    except Exception as error:  # damaged pickles take from an empty stack, add up what does not go together, ...
        raise CheckpointError(f"its pickle is damaged ({type(error).__name__}: {str(error)[:_SHOWN]})") from error


class _Bounded:
    """A file that refuses reads past its end: memory for a read is allocated beforehand."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            raise CheckpointError(f"its pickle is damaged or too long (a piece of {size} bytes, {self._left} are left)")
        content = self._file.read(size)
        self._left -= len(content)
        return content

    def readline(self) -> bytes:
        content = self._file.readline(min(_LONGEST_LINE, self._left))
        self._left -= len(content)
        return content

    def tell(self) -> int:
        return self._file.tell()


class _Function(NamedTuple):
    """A name that a pickle may call: "OrderedDict" or "tensor"."""

    name: str


_ORDERED_DICT, _REBUILD_TENSOR = _Function("OrderedDict"), _Function("tensor")
_MARK = object()


class _Interpreter:
    """Interprets the part of the pickle language in which plain values and tensors are written. Nothing is called:
    the two functions that a pickle may name are known by what they would return."""

    def __init__(self) -> None:
        self.storages: dict[str, StorageRecord] = {}
        self._stack: list[Any] = []
        self._memo: dict[Any, Any] = {}

    def run(self, file: Any) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count > _MOST_OPERATIONS:
                raise CheckpointError(f"its pickle has more than {_MOST_OPERATIONS} operations")
            name = opcode.name
            if name == "STOP":
                return self._stack.pop()
            if name in _CONSTANTS:
                self._stack.append(argument)
            elif name in _MADE:
                self._stack.append(_MADE[name]())
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                self._memo[argument] = self._stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                self._stack.append(self._memo[argument])
            elif name not in ("PROTO", "FRAME"):
                self._step(name, argument)
        raise CheckpointError("its pickle is damaged (it does not end)")

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name == "POP":
            stack.pop()
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            items = self._since_mark()
            stack.append(tuple(items))
        elif name == "LIST":
            items = self._since_mark()
            stack.append(items)
        elif name in ("DICT", "SETITEMS", "SETITEM"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self._since_mark()
            if name == "DICT":
                stack.append({})
            _set_items(stack[-1], items)
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self._since_mark()
            if type(stack[-1]) is not list:
                raise CheckpointError("its pickle is damaged (it appends to something else than a list)")
            stack[-1].extend(items)
        elif name in ("ADDITEMS", "FROZENSET"):
            items = self._since_mark()
            if name == "FROZENSET":
                stack.append(set())
            if type(stack[-1]) is not set or not all(type(item) in _KEYS for item in items):
                raise CheckpointError("its pickle is damaged (a set of something else than plain values)")
            stack[-1].update(items)
        elif name == "GLOBAL":
            stack.append(_named(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            module, attribute = stack.pop(-2), stack.pop()
            stack.append(_named(module, attribute))
        elif name == "REDUCE":
            function, arguments = stack.pop(-2), stack.pop()
            stack.append(_returned(function, arguments))
        elif name == "BUILD":
            # Attributes of a state dictionary, such as the versions of its modules, mean nothing here.
            stack.pop()
            if type(stack[-1]) is not OrderedDict:
                raise CheckpointError("its pickle is damaged (it sets attributes of something else than a dictionary)")
        elif name == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        else:
            raise CheckpointError(f"its pickle uses the operation {name}, which is refused")

    def _since_mark(self) -> list[Any]:
        position = len(self._stack) - 1
        while self._stack[position] is not _MARK:
            position -= 1
            if position < 0:
                raise CheckpointError("its pickle is damaged (a mark is missing)")
        items = self._stack[position + 1 :]
        del self._stack[position:]
        return items

    def _storage(self, pid: Any) -> StorageRecord:
        is_storage = isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage"
        if not is_storage or (len(pid) == 6 and pid[5] is not None):
            raise CheckpointError(f"it refers to {_short(pid)}, expected a whole storage")
        _, dtype, key, _, size = pid[:5]
        if type(dtype) is not _StorageType or type(key) is not str or type(size) is not int or size < 0:
            raise CheckpointError(f"it describes a storage wrongly: {_short(pid)}")
        record = StorageRecord(key, dtype.dtype, size)
        if self.storages.setdefault(key, record) != record:
            raise CheckpointError(f"it describes storage {key} in two ways")
        return record


class _StorageType(NamedTuple):
    dtype: str


_CONSTANTS = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    )
)
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": set,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_KEYS = (str, bytes, int, float, bool, type(None))
"""Types of keys; a hash of tuples of tuples could take for ever."""


def _set_items(target: Any, items: list[Any]) -> None:
    if type(target) not in (dict, OrderedDict) or len(items) % 2:
        raise CheckpointError("its pickle is damaged (it sets items of something else than a dictionary)")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in _KEYS:
            raise CheckpointError(f"a dictionary in it has a {type(key).__name__} as a key")
        target[key] = value


def _named(module: Any, name: Any) -> Any:
    if (module, name) == ("collections", "OrderedDict"):
        return _ORDERED_DICT
    if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
        return _REBUILD_TENSOR
    if module == "torch" and type(name) is str and name in _STORAGE_TYPES:
        return _StorageType(_STORAGE_TYPES[name])
    raise CheckpointError(
        f"it asks for {module!s:.80}.{name!s:.80}, which is refused; expected tensors of plain numbers, dictionaries "
        "and lists only: save the state dictionary alone"
    )


def _returned(function: Any, arguments: Any) -> Any:
    """What a call of one of the known functions returns."""
    if type(function) is not _Function or type(arguments) is not tuple:
        raise CheckpointError(f"its pickle calls {_short(function)}, which is refused")
    if function == _REBUILD_TENSOR:
        return _tensor(*arguments)
    made: OrderedDict[Any, Any] = OrderedDict()
    for pair in arguments[0] if arguments else ():  # as Python 2 wrote it
        key, value = pair
        _set_items(made, [key, value])
    return made


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *further: Any) -> TensorRecord:
    numbers = (offset, *shape, *strides)
    if (
        type(storage) is not StorageRecord
        or not all(type(number) is int and 0 <= number < _LARGEST_NUMBER for number in numbers)
        or len(shape) != len(strides)
        or len(shape) > _MOST_AXES
    ):
        raise CheckpointError("it describes a tensor wrongly")
    count = math.prod(shape)
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if count and (last >= storage.size or count > storage.size):
        raise CheckpointError(f"a tensor of shape {tuple(shape)} exceeds its storage of {storage.size} elements")
    return TensorRecord(storage, offset, tuple(shape), tuple(strides))


def _short(value: Any) -> str:
    """The beginning of a value's text, whatever it holds."""
    return reprlib.repr(value)[:_SHOWN]
