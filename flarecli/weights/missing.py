"""Error messages for missing weights: how to import the published ones, and how to train."""

from __future__ import annotations

from collections.abc import Sequence

from flarecli.errors import InputError
from flarecli.systems import system_named
from flarecli.weights.card import WEIGHTS_SUFFIX


def missing_weights(system: str, networks: Sequence[str]) -> InputError:
    """The error for networks without weights, with the commands that provide them.

    Args:
        system: Name of the system.
        networks: Keys of those of its networks that have no weights.

    Raises:
        UsageError: when there is no such system.
    """
    remedies = [*_importing(system, networks), *_training(system, networks)]
    names = " and ".join(f"{system}/{network}" for network in networks)
    return InputError(f"no weights are installed for {names}", remedy="\n".join(remedies))


def no_such_weights(wanted_for: str, choice: str, sets: Sequence[str]) -> InputError:
    """The error for a choice that matches nothing.

    Args:
        wanted_for: Name of the system, or of system and network.
        choice: What was asked for.
        sets: Names of the sets that are installed.
    """
    return InputError(
        f"no weights of {wanted_for} there",
        seen=choice or "an empty name",
        expected=f"a set ({', '.join(sets) or 'none installed'}), a folder or a {WEIGHTS_SUFFIX} file",
        remedy="`flare weights list` shows what is installed; `flare weights import` imports published ones.",
    )


def not_in_choice(system: str, networks: Sequence[str], choices: Sequence[str], sets: Sequence[str]) -> InputError:
    """The error for networks that are not in the sets and folders that were chosen.

    Args:
        system: Name of the system.
        networks: Keys of the networks that lack weights.
        choices: The sets and folders.
        sets: Names of installed sets that hold one of the networks.
    """
    missing = ", ".join(f"{system}/{network}" for network in networks)
    others = " ".join(f"--weights {network}={sets[0] if sets else 'SET'}" for network in networks)
    return InputError(
        f"the chosen weights hold none for {missing}",
        seen=" and ".join(choices),
        expected=f"weights for every network of {system}",
        remedy=f"Choose weights for those, too, for example {others}.",
    )


def _importing(system: str, networks: Sequence[str]) -> list[str]:
    described = system_named(system)
    if described.publication is None:
        return []
    commands = [
        f"  flare weights import {spec.published_file} --system {system} --network {spec.key}"
        for spec in described.networks
        if spec.key in networks and spec.published_file is not None
    ]
    return [f"{described.publication.how_to_import} ({described.publication.repository}):", *commands]


def _training(system: str, networks: Sequence[str]) -> list[str]:
    folders = {network: f"{system}-{network}" for network in networks}
    commands = [
        f"  flare preprocess DATASET CACHE --system {system}",
        *(f"  flare train CACHE {folder} --system {system} --network {network}" for network, folder in folders.items()),
    ]
    choices = " ".join(f"--weights {folder}" for folder in folders.values())
    return [
        "Or train your own on scans with labels:",
        *commands,
        f"and use them: flare predict IN OUT --system {system} {choices}",
    ]
