"""Settings of the whole test run."""

from __future__ import annotations

import os

# The backend of a plain install; `KERAS_BACKEND=torch pytest` runs the same tests on another one. Keras reads the
# variable when it is first imported, so it stands here and not in a fixture.
os.environ.setdefault("KERAS_BACKEND", "openvino")
