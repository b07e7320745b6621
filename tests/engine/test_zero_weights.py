"""Models that are built without random weights, in several threads at once."""

from __future__ import annotations

import threading

import keras

from flarecli.engine.keras_model import built_without_random_weights


def test_two_threads_leave_keras_as_it_was() -> None:
    original = keras.layers.Layer.add_weight
    first_is_in, first_may_leave = threading.Event(), threading.Event()
    second_is_in, second_may_leave = threading.Event(), threading.Event()

    def build(is_in: threading.Event, may_leave: threading.Event) -> None:
        with built_without_random_weights():
            is_in.set()
            may_leave.wait(60)

    first = threading.Thread(target=build, args=(first_is_in, first_may_leave))
    second = threading.Thread(target=build, args=(second_is_in, second_may_leave))
    first.start()
    assert first_is_in.wait(60)
    second.start()
    second_is_in.wait(0.5)  # it waits for the first one to leave
    first_may_leave.set()
    first.join(60)
    second_may_leave.set()
    second.join(60)
    assert keras.layers.Layer.add_weight is original


def test_weights_are_zero() -> None:
    with built_without_random_weights():
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
    assert not keras.ops.convert_to_numpy(layer.kernel).any()
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    assert keras.ops.convert_to_numpy(layer.kernel).any()
