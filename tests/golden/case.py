"""What a golden case is: arrays that are computed anew and compared with those stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class GoldenCase:
    """Arrays that one part of the code computes from drawn inputs.

    Attributes:
        compute: Returns the arrays by name; those of integers and truth values must come out exactly.
        atol: How far a float may be away, by the beginning of the array's name; "" stands for all others.
        needs_gradients: Whether the backend must be one that trains.
        mean_atol: How far floats may be away on average; None to leave that out.
        differing_share: Share of the integers that may differ.
        original: Returns the arrays as the original program computed them, where its inputs and weights are drawn
            from seeds, too; these are stored then.
    """

    compute: Callable[[], Arrays]
    atol: Mapping[str, float] = field(default_factory=lambda: {"": 0.0})
    needs_gradients: bool = False
    mean_atol: float | None = None
    differing_share: float = 0.0
    original: Callable[[], Arrays] | None = None

    def check(self, expected: Mapping[str, np.ndarray]) -> None:
        """Compute anew and compare; an AssertionError names the array that is off."""
        actual = self.compute()
        assert set(actual) == set(expected)
        for name, array in actual.items():
            stored = expected[name]
            assert (array.shape, array.dtype) == (stored.shape, stored.dtype), name
            if array.dtype.kind == "f":
                np.testing.assert_allclose(array, stored, rtol=0, atol=self._atol(name), err_msg=name)
                if self.mean_atol is not None:
                    assert np.abs(array - stored).mean() < self.mean_atol, name
            else:
                assert np.count_nonzero(array != stored) <= self.differing_share * array.size, name

    def _atol(self, name: str) -> float:
        return max((start, atol) for start, atol in self.atol.items() if name.startswith(start))[1]


def thinned(array: np.ndarray, step: int = 4) -> np.ndarray:
    """Every `step`-th value along each spatial axis of (batch, channels, ...): enough to see any difference."""
    return np.ascontiguousarray(array[(slice(None), slice(None), *[slice(None, None, step)] * (array.ndim - 2))])


def stored_arrays(area: str) -> dict[str, Arrays]:
    """The golden arrays of an area by case and name."""
    cases: dict[str, Arrays] = {}
    with np.load(FOLDER / f"{area}.npz") as file:
        for key in file.files:
            case, _, name = key.partition("/")
            cases.setdefault(case, {})[name] = file[key]
    return cases
