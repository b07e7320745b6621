"""Meanings of label values."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.datasets.organ_values import FLARE_VALUES, OrganValues, values_of_names
from flarecli.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("liver", 1),
        ("Liver", 1),
        ("right kidney", 2),
        ("kidney_left", 2),
        ("Kidneys", 2),
        ("left kidneys", 2),
        ("spleen", 3),
        ("Pancreas", 4),
        ("pancreas_tumor", 0),
        ("liver vessels", 0),
        ("aorta", 0),
        ("background", 0),
    ],
)
def test_organs_are_found_by_name(name: str, label: int) -> None:
    assert values_of_names({name: [7]}).flare_labels[7] == label


def test_other_structures_are_listed_and_become_background() -> None:
    values = values_of_names({"background": [0], "aorta": [8], "spleen": [1], "kidney": [2, 3]})
    assert values.background_names == ("aorta",)
    assert values.as_dict() == {"0": 0, "1": 3, "2": 2, "3": 2, "8": 0}


def test_a_value_of_several_regions_belongs_to_the_organ() -> None:
    assert values_of_names({"liver": [1, 2], "lesion": [2]}).flare_labels[2] == 1
    assert values_of_names({"lesion": [2], "liver": [1, 2]}).flare_labels[2] == 1


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        ({"liver": [1, 2], "spleen": [2, 3]}, "2 is liver and spleen"),
        ({"abdomen": [1, 2, 3], "left kidney": [2], "pancreas": [2]}, "2 is kidneys and pancreas"),
        ({"background": [0], "liver": [0]}, "0 is background and liver"),
        ({"liver": [0, 1]}, "0 is background and liver"),
        ({"liver": [1, 5], "ignore": [5]}, "5 is liver and ignore"),
        ({"liver": [1], "ignore": [0]}, "0 is background and ignore"),
    ],
)
def test_a_value_of_two_meanings_is_refused(names: dict[str, list[int]], seen: str) -> None:
    with pytest.raises(InputError, match=f"two meanings; seen: {seen}"):
        values_of_names(names)


def test_kidneys_of_one_value_or_two_are_kidneys() -> None:
    names = {"kidneys": [2, 3], "left kidney": [2], "right kidney": [3], "tumor": [3]}
    assert values_of_names(names).flare_labels == {0: 0, 2: 2, 3: 2}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
def test_translation_of_any_integer_type(dtype: type) -> None:
    labels = np.array([0, 6, 3, 300 if dtype != np.uint8 else 30], dtype).reshape(2, 2, 1)
    values = OrganValues({0: 0, 6: 1, 3: 2})
    translated = values.translated(labels)
    assert translated.dtype == np.uint8
    assert translated.ravel().tolist() == [0, 1, 2, 0]
    assert values.unknown(labels) == (int(labels.max()),)
    assert values.with_background([0, 30, 300]).unknown(labels) == ()


def test_an_organ_is_not_background() -> None:
    values = OrganValues({0: 0, 6: 1, 8: 0, 9: 7})
    assert values.with_background([8]).flare_labels[8] == 0
    with pytest.raises(UsageError, match="6, which is liver"):
        values.with_background([5, 6])
    with pytest.raises(UsageError, match="9, which is a kind of surroundings"):
        values.with_background([9])


def test_flare_labels_are_not_copied() -> None:
    labels = np.arange(5, dtype=np.uint8).reshape(5, 1, 1)
    assert FLARE_VALUES.translated(labels) is labels
