"""Imports run one way: each layer may use those below it, and none above or beside it.

The order stands here and nowhere else; a new package or module under `flarecli` gets its place in it.
"""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.layout.imports import ROOT, imports, layer_name, modules

# From the top to the bottom.
_LAYERS = (
    ("__main__",),
    ("cli",),
    ("segmentation", "evaluation"),
    ("cluster", "export", "profiling", "report", "training", "viewer"),
    ("doctor", "phantom", "prediction"),
    ("meshes", "preprocessing", "preview", "weights"),
    ("datasets", "systems"),
    ("measures", "metrics"),
    ("volume",),
    ("dicom", "engine", "matplotlib_import", "pages", "pictures", "resample"),
    ("files", "geometry", "processes"),
    (
        "connected_parts",
        "counts",
        "errors",
        "garbage_collection",
        "hardware",
        "organs",
        "overridden_environment",
        "remarks",
        "steps",
    ),
    ("addresses",),
    ("flarecli",),  # the version; what else it offers it imports when it is asked for
    ("flarecli_models",),
)
_DEPTH = {name: depth for depth, names in enumerate(_LAYERS) for name in names}

# More modules in one folder than this are hard to take in.
_MODULES_IN_A_FOLDER = 20


def _layer_imports() -> list[tuple[str, str]]:
    """Pairs (module, imported module) between different layers; what the package itself offers is not among them."""
    return [
        (module, imported)
        for module, all_imported in imports().items()
        for imported in all_imported
        if module != "flarecli" and layer_name(module) != layer_name(imported)
    ]


def test_every_package_has_its_place_in_the_order() -> None:
    here = {layer_name(module) for module in modules()}

    assert here - set(_DEPTH) == set(), "not in _LAYERS: give it its place"
    assert set(_DEPTH) - here == set(), "in _LAYERS, but no longer there"


def test_no_import_runs_up_or_sideways() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in _layer_imports()
        if _DEPTH.get(layer_name(module), 0) >= _DEPTH.get(layer_name(imported), 0)
    ]

    assert wrong == []


def test_no_circle_of_modules() -> None:
    try:
        TopologicalSorter({m: i for m, i in imports().items() if m != "flarecli"}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("other", ["flarecli_models", "flarecli.engine", "flarecli.systems", "flarecli.weights"])
def test_the_metrics_know_nothing_of_networks(other: str) -> None:
    """Directly or through what they import."""
    reached, left = set(), [module for module in modules() if module.startswith("flarecli.metrics")]
    while left:
        module = left.pop()
        if module not in reached and module != "flarecli":
            reached.add(module)
            left.extend(imports()[module])

    assert [module for module in reached if module == other or module.startswith(other + ".")] == []


def test_no_folder_is_crowded() -> None:
    numbers = Counter(path.parent for path in modules().values() if path.name != "__init__.py")
    larger = {
        folder.relative_to(ROOT).as_posix(): number
        for folder, number in numbers.items()
        if number > _MODULES_IN_A_FOLDER
    }

    assert larger == {}, "split what grew"
