"""Finds weights: those that come with the package, those that the user imported or trained.

A set of weights is a folder `<root>/<system>/<set name>` with `<network>.weights.h5` and `<network>.json` for some or
all networks of the system. Roots are the package's own and the user's folder; `FLARE_WEIGHTS` names another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import flarecli_models
from flarecli.errors import UsageError
from flarecli.files.named_folders import folder_named_by
from flarecli.weights.card import WEIGHTS_SUFFIX, Card
from flarecli.weights.choice import found_for, two_files
from flarecli.weights.installed import Installed, installed_in
from flarecli.weights.missing import missing_weights, no_such_weights, not_in_choice

BUNDLED_ROOT = Path(flarecli_models.__file__).parent / "weights"

PREFERENCE = ("published", "standard", "starter")
"""Sets in the order in which they are used when nothing is chosen; sets of other names are used when asked for."""

FORMER_NAMES = {("flarelite", "starter"): "synthetic"}
"""By system and former name: the present name of a set. A set or folder of the former name comes first."""


VARIABLE = "FLARE_WEIGHTS"
"""Environment variable that names the user's folder of weights."""


def user_root() -> Path:
    """The user's folder of weights: `FLARE_WEIGHTS`, or the platform's folder for application data.

    Raises:
        UsageError: when `FLARE_WEIGHTS` is an address.
    """
    chosen = folder_named_by(VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("flare", appauthor=False)) / "weights"


def installed_weights() -> Iterator[Installed]:
    """Every weights file that is installed, the damaged ones among them, by root, system, set and network."""
    return installed_in((BUNDLED_ROOT, user_root()))


def all_weights() -> Iterator[tuple[Path, Card]]:
    """Every weights file that is installed and has a sound card, with that."""
    return ((found.path, found.card) for found in installed_weights() if found.card is not None)


def resolve_weights(system: str, networks: Sequence[str], choices: Iterable[str] = ()) -> dict[str, Path]:
    """Choose a weights file for each network of a system.

    Without a choice, each network takes the first set of `PREFERENCE` that has it. Sets and folders that are chosen
    must hold all networks together; a single file, and `<network>=...`, is a choice for one network alone and leaves
    the others as they are.

    Args:
        system: Name of the system.
        networks: Keys of its networks.
        choices: What the user asked for, later ones take precedence: the name of a set, a folder with
            `<network>.weights.h5` files, a weights file with its card, or any of these as `<network>=...` for one
            network alone.

    Returns:
        Path of the weights file for each network.

    Raises:
        UsageError: for a network that the system does not have.
        InputError: for a set, folder or file that does not exist, is damaged or is for something else, and for a
            network without weights. Damaged weights that are not requested are ignored.
    """
    installed = _by_set_and_network(found for found in installed_weights() if found.system == system)
    usual = {
        network: installed[set_name, network]
        for set_name in reversed(PREFERENCE)
        for network in networks
        if (set_name, network) in installed
    }
    chosen: dict[str, Installed] = {}
    whole: list[str] = []
    for choice in choices:
        network, wanted = _split(system, choice, networks)
        found = found_for(system, wanted, installed)
        if not found and (system, wanted) in FORMER_NAMES:
            found = found_for(system, FORMER_NAMES[system, wanted], installed)
        if network is not None:
            found = {network: found[network]} if network in found else {}
        if not found:
            sets = sorted({set_name for set_name, _ in installed})
            raise no_such_weights(f"{system}/{network}" if network else system, wanted, sets)
        if network is None and not wanted.endswith(WEIGHTS_SUFFIX):
            whole.append(wanted)
        chosen.update(found)
    lacking = [network for network in networks if network not in chosen]
    if whole and lacking:
        raise not_in_choice(system, lacking, whole, [set_name for set_name, network in installed if network in lacking])
    chosen = {**usual, **chosen}
    missing = [network for network in networks if network not in chosen]
    if missing:
        raise missing_weights(system, missing)
    for network in networks:
        _ = chosen[network].sound_card
    return {network: chosen[network].path for network in networks}


def _by_set_and_network(weights: Iterable[Installed]) -> dict[tuple[str, str], Installed]:
    """Weights by set and network: a later root comes before an earlier one; two files in one folder are a problem."""
    chosen: dict[tuple[str, str], Installed] = {}
    for found in weights:
        key = found.set_name, found.network
        other = chosen.get(key)
        is_second = other is not None and other.path.parent == found.path.parent
        chosen[key] = replace(found, card=None, problem=two_files(other, found)) if other and is_second else found
    return chosen


def _split(system: str, choice: str, networks: Sequence[str]) -> tuple[str | None, str]:
    """The network that a choice is for, None where it is for all, and what is chosen."""
    network, separator, wanted = choice.partition("=")
    if separator and network in networks:
        return network, wanted
    if separator and not Path(choice).exists():
        raise UsageError(
            f"the system {system} has no network of this name",
            seen=network,
            expected=", ".join(networks),
            remedy="Give --weights NETWORK=SET with one of those.",
        )
    return None, choice
