"""Settings of the whole test run."""

from __future__ import annotations

import os

import pytest

# The backend of a plain install; `KERAS_BACKEND=torch pytest` runs the same tests on another one. Keras reads the
# variable when it is first imported, so it stands here and not in a fixture.
os.environ.setdefault("KERAS_BACKEND", "openvino")


def pytest_configure(config: pytest.Config) -> None:
    # Keras 3.15 turns its variables into numpy arrays by a protocol that numpy 2 deprecates.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )
