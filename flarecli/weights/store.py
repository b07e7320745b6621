"""Finds weights: those that come with the package, those that the user imported or trained.

A set of weights is a folder `<root>/<system>/<set name>` with `<network>.weights.h5` and `<network>.json` for some or
all networks of the system. Roots are the package's own and the user's folder; `FLARE_WEIGHTS` names another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import flarecli_models
from flarecli.errors import InputError, UsageError
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, read_card
from flarecli.weights.missing import missing_weights

BUNDLED_ROOT = Path(flarecli_models.__file__).parent / "weights"

PREFERENCE = ("published", "starter")
"""Sets in the order in which they are used when nothing is chosen; sets of other names are used when asked for."""


def user_root() -> Path:
    """The user's folder of weights: `FLARE_WEIGHTS`, or the platform's folder for application data."""
    chosen = os.environ.get("FLARE_WEIGHTS")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("flare", appauthor=False)) / "weights"


def all_weights() -> Iterator[tuple[Path, Card]]:
    """Every weights file that is installed, with its card, sorted by system, set and network."""
    for root in (BUNDLED_ROOT, user_root()):
        for path in sorted(root.glob(f"*/*/*{WEIGHTS_SUFFIX}")):
            if not path.name.startswith("."):
                yield path, read_card(path)


def resolve_weights(system: str, networks: Sequence[str], choices: Iterable[str] = ()) -> dict[str, Path]:
    """Choose a weights file for each network of a system.

    Args:
        system: Name of the system.
        networks: Keys of its networks.
        choices: What the user asked for, later ones outweighing earlier: the name of a set, a folder with
            `<network>.weights.h5` files, a weights file with its card, or any of these as `<network>=...` for one
            network alone.

    Returns:
        Path of the weights file for each network.

    Raises:
        UsageError: for a network that the system does not have.
        InputError: for a set, folder or file that does not exist or is for something else, and for a network
            without weights.
    """
    installed: dict[tuple[str, str], Path] = {}
    for path, card in all_weights():
        if card.system == system:
            installed[card.set_name, card.network] = path
    chosen = {
        network: installed[set_name, network]
        for set_name in reversed(PREFERENCE)
        for network in networks
        if (set_name, network) in installed
    }
    for choice in choices:
        network, separator, wanted = choice.partition("=")
        if separator and network not in networks:
            raise UsageError(
                f"the system {system} has no network of this name",
                seen=network,
                expected=", ".join(networks),
                remedy="Give --weights NETWORK=SET with one of those.",
            )
        found = _found(system, wanted if separator else choice, installed)
        if separator:
            found = {network: found[network]} if network in found else {}
        if not found:
            sets = sorted({set_name for set_name, _ in installed})
            raise InputError(
                f"no weights of {system}{'/' + network if separator else ''} there",
                seen=choice,
                expected=f"a set ({', '.join(sets) or 'none installed'}), a folder or a {WEIGHTS_SUFFIX} file",
                remedy="`flare weights list` shows what is installed; `flare weights import` brings published ones in.",
            )
        chosen.update(found)
    missing = [network for network in networks if network not in chosen]
    if missing:
        raise missing_weights(system, missing)
    return {network: chosen[network] for network in networks}


def _found(system: str, wanted: str, installed: dict[tuple[str, str], Path]) -> dict[str, Path]:
    """Weights that one choice stands for, by network."""
    named = {network: path for (set_name, network), path in installed.items() if set_name == wanted}
    if named:
        return named
    path = Path(wanted)
    candidates = sorted(path.glob(f"*{WEIGHTS_SUFFIX}")) if path.is_dir() else [path]
    found = {}
    for candidate in candidates:
        card = read_card(candidate) if candidate.is_file() else None
        if card is not None and card.system == system:
            found[card.network] = candidate
    return found
