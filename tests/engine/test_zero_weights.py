"""Models that are built without random weights, in several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keras

from flarecli.engine.zero_weights import built_without_random_weights


def is_random() -> bool:
    """Whether a layer that is built here has random weights."""
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    return bool(keras.ops.convert_to_numpy(layer.kernel).any())


def in_block() -> bool:
    with built_without_random_weights():
        return is_random()


def elsewhere(function: Callable[[], bool]) -> bool:
    """What a function returns in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_weights_are_zero_within_blocks_alone() -> None:
    with built_without_random_weights():
        assert not is_random()
        assert not in_block()
        assert not is_random(), "after a block within the block"
    assert is_random()


def test_other_threads_build_as_ever() -> None:
    with built_without_random_weights():
        assert elsewhere(is_random)
        assert not elsewhere(in_block)
        assert elsewhere(is_random)
        assert not is_random()


def test_threads_that_overlap_leave_keras_as_it_was() -> None:
    original = keras.layers.Layer.add_weight
    inside, first_has_left = Barrier(2, timeout=60), Barrier(2, timeout=60)

    def first() -> None:
        with built_without_random_weights():
            inside.wait()
        first_has_left.wait()

    def second() -> bool:
        with built_without_random_weights():
            inside.wait()
            first_has_left.wait()
            return is_random()

    with ThreadPoolExecutor(2) as pool:
        ended, found = pool.submit(first), pool.submit(second)
        ended.result()
        assert not found.result()
    assert keras.layers.Layer.add_weight is original
