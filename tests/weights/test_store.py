"""Finding weights by set, folder, file and network."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.errors import InputError, UsageError
from flarecli.weights import store
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, card_path, read_card, sha256_of, write_card

NETWORKS = ("localization", "segmentation")


LARGEST_BYTES = {"flarelite": 4e6, "efficientscn": 5e6, "efficientsegnet": 12e6, "vgg13": 3e6}
"""Of a bundled set of a system's weights, a byte a weight."""


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    bundled, user = tmp_path / "bundled", tmp_path / "user"
    monkeypatch.setattr(store, "BUNDLED_ROOT", bundled)
    monkeypatch.setenv("FLARE_WEIGHTS", str(user))
    return bundled, user


def put(folder: Path, network: str, *, system: str = "efficientscn", set_name: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{network}{WEIGHTS_SUFFIX}"
    path.write_bytes(f"{folder}{network}".encode())
    write_card(path, Card(system, network, set_name or folder.name, "t", "s", "MIT", "2026-01-01", sha256_of(path)))
    return path


def test_published_weights_are_preferred_network_by_network(roots: tuple[Path, Path]) -> None:
    bundled, user = roots
    put(bundled / "efficientscn" / "starter", "localization")
    segmentation = put(bundled / "efficientscn" / "starter", "segmentation")
    localization = put(user / "efficientscn" / "published", "localization")
    put(user / "vgg13" / "published", "segmentation", system="vgg13")
    assert store.resolve_weights("efficientscn", NETWORKS) == {
        "localization": localization,
        "segmentation": segmentation,
    }


def test_own_sets_are_used_when_asked_for(roots: tuple[Path, Path]) -> None:
    bundled, user = roots
    starter = {network: put(bundled / "efficientscn" / "starter", network) for network in NETWORKS}
    mine = put(user / "efficientscn" / "mine", "segmentation")
    put(user / "efficientscn" / "published", "localization")
    assert store.resolve_weights("efficientscn", NETWORKS, ["starter"]) == starter
    assert store.resolve_weights("efficientscn", NETWORKS, ["starter", "mine"])["segmentation"] == mine
    chosen = store.resolve_weights("efficientscn", NETWORKS, ["localization=starter"])
    assert chosen == starter


def test_flarelites_standard_set_is_used_and_the_synthetic_one_has_both_its_names(roots: tuple[Path, Path]) -> None:
    bundled, user = roots
    sets = {
        name: {
            network: put(bundled / "flarelite" / name, network, system="flarelite") for network in ("locate", "refine")
        }
        for name in ("standard", "synthetic")
    }
    assert store.resolve_weights("flarelite", ["locate", "refine"]) == sets["standard"]
    for name in ("synthetic", "starter"):
        assert store.resolve_weights("flarelite", ["locate", "refine"], [name]) == sets["synthetic"]
    own = put(user / "flarelite" / "starter", "locate", system="flarelite")
    assert store.resolve_weights("flarelite", ["locate", "refine"], ["locate=starter"])["locate"] == own


def test_folders_and_files(roots: tuple[Path, Path], tmp_path: Path) -> None:
    bundled, _ = roots
    starter = {network: put(bundled / "efficientscn" / "starter", network) for network in NETWORKS}
    run = put(tmp_path / "run", "segmentation")
    put(tmp_path / "run", "else", system="vgg13")
    assert store.resolve_weights("efficientscn", NETWORKS, ["starter", str(tmp_path / "run")]) == {
        **starter,
        "segmentation": run,
    }
    assert store.resolve_weights("efficientscn", NETWORKS, [str(run)]) == {**starter, "segmentation": run}
    assert store.resolve_weights("efficientscn", NETWORKS, [f"segmentation={run}"]) == {**starter, "segmentation": run}


def test_wrong_choices(roots: tuple[Path, Path], tmp_path: Path) -> None:
    bundled, _ = roots
    put(bundled / "efficientscn" / "starter", "localization")
    with pytest.raises(UsageError, match="no network of this name"):
        store.resolve_weights("efficientscn", NETWORKS, ["liver=starter"])
    with pytest.raises(InputError, match="a set \\(starter\\)"):
        store.resolve_weights("efficientscn", NETWORKS, ["missing"])
    with pytest.raises(InputError, match="no weights are installed for efficientscn/segmentation"):
        store.resolve_weights("efficientscn", NETWORKS)
    lonely = tmp_path / f"lonely{WEIGHTS_SUFFIX}"
    lonely.touch()
    with pytest.raises(InputError, match="has no card"):
        store.resolve_weights("efficientscn", NETWORKS, [str(lonely)])
    card_path(lonely).write_text('{"system": 3}', encoding="utf-8")
    with pytest.raises(InputError, match="is not a card"):
        store.resolve_weights("efficientscn", NETWORKS, [str(lonely)])


def test_two_files_for_one_network_in_a_set_are_refused_when_they_are_wanted(roots: tuple[Path, Path]) -> None:
    bundled, user = roots
    starter = {network: put(bundled / "efficientscn" / "starter", network) for network in NETWORKS}
    for root, set_name in ((user, "mine"), (user, "published")):
        put(root / "efficientscn" / set_name, "segmentation")
    assert store.resolve_weights("efficientscn", NETWORKS, ["starter"]) == starter
    for set_name in ("mine", "published"):
        first = user / "efficientscn" / set_name / f"segmentation{WEIGHTS_SUFFIX}"
        copy = first.with_name(f"segmentation_old{WEIGHTS_SUFFIX}")
        copy.write_bytes(first.read_bytes())
        card_path(copy).write_bytes(card_path(first).read_bytes())
    assert store.resolve_weights("efficientscn", NETWORKS, ["starter"]) == starter
    for choices in (["segmentation=mine"], ["mine"], []):
        with pytest.raises(InputError) as caught:
            store.resolve_weights("efficientscn", NETWORKS[1:], choices)
        assert caught.value.problem == "holds two weights files of efficientscn/segmentation"
        assert caught.value.seen == f"segmentation{WEIGHTS_SUFFIX} and segmentation_old{WEIGHTS_SUFFIX}"


def test_a_set_of_the_user_comes_before_the_bundled_one_of_its_name(roots: tuple[Path, Path]) -> None:
    bundled, user = roots
    put(bundled / "efficientscn" / "starter", "segmentation")
    mine = put(user / "efficientscn" / "starter", "segmentation")
    assert store.resolve_weights("efficientscn", NETWORKS[1:]) == {"segmentation": mine}


@pytest.mark.parametrize("choice", ["starter", "segmentation=starter"])
def test_a_name_of_a_set_and_of_a_folder_of_weights_is_refused(
    roots: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    bundled, _ = roots
    starter = {network: put(bundled / "efficientscn" / "starter", network) for network in NETWORKS}
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "starter", "locate", system="flarelite")
    assert store.resolve_weights("efficientscn", NETWORKS, [choice]) == starter
    run = put(tmp_path / "starter", "segmentation")
    with pytest.raises(InputError, match="is the name of a set and of a folder of weights") as caught:
        store.resolve_weights("efficientscn", NETWORKS, [choice])
    assert "./starter" in str(caught.value.remedy)
    found = store.resolve_weights("efficientscn", NETWORKS[1:], [choice.replace("starter", "./starter")])
    assert found["segmentation"].resolve() == run
    whole_path = choice.replace("starter", str(bundled / "efficientscn" / "starter"))
    assert store.resolve_weights("efficientscn", NETWORKS, [whole_path]) == starter


def test_bundled_weights_match_their_cards() -> None:
    bundled = [(path, card) for path, card in store.all_weights() if path.is_relative_to(store.BUNDLED_ROOT)]
    assert {(card.system, card.network) for _, card in bundled} >= {
        ("efficientscn", "localization"),
        ("efficientscn", "segmentation"),
        ("efficientsegnet", "coarse"),
        ("efficientsegnet", "fine"),
        ("flarelite", "locate"),
        ("flarelite", "refine"),
        ("vgg13", "segmentation"),
    }
    for path, card in bundled:
        assert sha256_of(path) == card.sha256 == read_card(path).sha256
        assert path.name == f"{card.network}{WEIGHTS_SUFFIX}"
        assert path.parent.name == card.set_name
        assert path.parent.parent.name == card.system
    for folder in {path.parent for path, _ in bundled}:
        assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST_BYTES[folder.parent.name]
