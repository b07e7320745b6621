"""Keras is imported without packages that flare does not use through it, and these work all the same."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import keras
import pytest

pytestmark = pytest.mark.skipif(keras.backend.backend() != "openvino", reason="in processes of its own: once is enough")

_IMPORT = "import sys; from flarecli.engine.keras_import import import_keras; keras = import_keras()"
_UNUSED = ("matplotlib", "IPython", "jax", "scipy.signal", "torch._dynamo", "sympy")
_LEFT_OUT = f"print(keras.backend.backend(), [name for name in {_UNUSED} if name in sys.modules])"
_CLEARED = (
    "from flarecli.engine.keras_import import clear_keras_session; keras.Input((1,)); clear_keras_session(); "
    "print(keras.Input((1,)).name, 'torch._dynamo' in sys.modules)"
)
_COMPILED = (
    "import torch; assert torch.compile(lambda x: x + 1, backend='eager')(torch.ones(2)).sum() == 4; "
    "keras.utils.clear_session()"
)
_SPECTRUM = (
    "spectrum = keras.ops.stft(keras.ops.ones((1, 64)), 16, 8, 16, center=False)[0]; "
    "print('scipy.signal' in sys.modules, tuple(spectrum.shape))"
)
_DRAWN = "print(keras.random.uniform((2,), seed=3).tolist(), keras.layers.Dropout(0.5)(keras.ops.ones(4)).shape)"


def told(backend: str, code: str) -> str:
    """What a program prints in a process whose Keras runs on a backend."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(packages)}")


def test_openvino_without_jax_and_signals() -> None:
    """Keras computes spectra afterwards, with the windows of scipy."""
    code = f"{_IMPORT}; {_LEFT_OUT}; {_SPECTRUM}"
    if importlib.util.find_spec("jax") is not None:
        code += "; import jax; assert jax.numpy.ones(3).sum() == 3"
    assert told("openvino", code).splitlines() == ["openvino []", "True (1, 7, 9)"]


@needs("tensorflow")
def test_tensorflow_without_jax() -> None:
    assert told("tensorflow", f"{_IMPORT}; {_LEFT_OUT}") == "tensorflow []"


@needs("tensorflow")
def test_tensorflow_is_imported_where_keras_shall_run_on_a_backend_that_is_missing() -> None:
    """To ask it for GPUs, before a backend is chosen."""
    missing = "import sys; sys.modules['torch'] = None; from flarecli.engine.keras_import import import_tensorflow"
    assert told("torch", f"{missing}; print(import_tensorflow().__name__)") == "tensorflow"


@needs("jax", "torch")
def test_pytorch_without_its_compiler() -> None:
    """It compiles afterwards, Keras forgets models and what was compiled, and random numbers are as with the compiler;
    what is imported already stays."""
    first, cleared, drawn = told("torch", f"{_IMPORT}; {_LEFT_OUT}; {_CLEARED}; {_DRAWN}; {_COMPILED}").splitlines()
    assert first == "torch []"
    assert cleared == "keras_tensor False"
    before = "import jax, torch, torch._dynamo as first"
    compared = f"{before}; {_IMPORT}; print('jax' in sys.modules, torch._dynamo is first); {_DRAWN}"
    assert told("torch", compared).splitlines() == ["True True", drawn]


@needs("jax")
def test_jax_where_it_is_the_backend() -> None:
    assert told("jax", f"{_IMPORT}; print(keras.ops.sum([1, 2]) + 0)") == "3"


_MEANWHILE = """
import importlib.machinery, threading
begun, done, found = threading.Event(), threading.Event(), []

def others():
    begun.wait(60)
    try:
        import IPython, jax, matplotlib
        from scipy.signal import convolve
        import scipy.signal.windows
        found.append(convolve([1, 2], [1, 1]).tolist() + [scipy.signal.windows.hann(3).tolist()[1]])
    except BaseException as error:
        found.append(repr(error))
    done.set()

class Gate:  # Keras' import waits in its middle until the other thread has imported what is left out
    def find_spec(self, name, path=None, target=None):
        if name != "keras.src.backend":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def run_after_the_other(module):  # not while specs are looked for, when no other thread can import
            begun.set()
            done.wait(60)
            run(module)

        spec.loader.exec_module = run_after_the_other
        return spec

import sys
thread = threading.Thread(target=others)
thread.start()
sys.meta_path.insert(0, Gate())
from flarecli.engine.keras_import import import_keras
keras = import_keras()
thread.join()
print(found, keras.backend.backend())
"""


@needs("jax", "matplotlib", "IPython")
def test_another_thread_imports_what_is_left_out_meanwhile() -> None:
    assert told("openvino", _MEANWHILE) == "[[1, 3, 2, 1.0]] openvino"


_MEANWHILE_OF_TORCH = _MEANWHILE.replace(
    "import IPython, jax, matplotlib\n", "import torch; found.append(torch._dynamo.config.suppress_errors)\n"
).replace("import torch; ", "import torch._dynamo; ")


@needs("torch")
def test_another_thread_uses_the_compiler_of_pytorch_meanwhile() -> None:
    assert told("torch", _MEANWHILE_OF_TORCH) == "[False, [1, 3, 2, 1.0]] torch"
