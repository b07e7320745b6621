"""Systems by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flarecli.errors import UsageError
from flarecli.systems import SYSTEM_NAMES, system_named


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_every_listed_system_can_be_made(name: str) -> None:
    system = system_named(name)
    assert system.name == name
    assert system.title
    assert system.paper
    keys = [network.key for network in system.networks]
    assert keys
    assert len(set(keys)) == len(keys)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="seen: unet; expected: one of flarelite, efficientscn"):
        system_named("unet")


def test_making_a_system_imports_no_backend() -> None:
    code = (
        "import sys; from flarecli.systems import SYSTEM_NAMES, system_named; list(map(system_named, SYSTEM_NAMES));"
        "print([m for m in ('keras', 'torch', 'tensorflow', 'openvino', 'nibabel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
