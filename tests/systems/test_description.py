"""What listings say of the networks, against the networks."""

from __future__ import annotations

import math

import pytest

from flarecli.systems import SYSTEM_NAMES, system_named
from flarecli.systems.base import NetworkSpec
from flarecli_models.flops import count_operations

SPECS = [pytest.param(spec, id=f"{name}-{spec.key}") for name in SYSTEM_NAMES for spec in system_named(name).networks]


@pytest.mark.parametrize("spec", SPECS)
def test_figures_are_those_of_the_model(spec: NetworkSpec) -> None:
    model = spec.build()
    figures = spec.figures
    assert figures is not None, "state NetworkFigures in the system's NetworkSpec: `flare systems` builds no models"
    assert figures.parameters == sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert figures.multiply_adds == count_operations(model, figures.input_shape).multiply_adds
    assert figures.size_varies == (None in model.inputs[0].shape[1:])


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_published_files_come_with_a_publication(name: str) -> None:
    system = system_named(name)
    publishes = [spec.published_file is not None for spec in system.networks]
    assert any(publishes) == (system.publication is not None)
    if system.publication is not None:
        assert system.publication.repository.startswith("https://")
        assert system.publication.licence
        assert not system.publication.how_to_import.endswith(".")
