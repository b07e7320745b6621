"""What to say where a network has no weights: how to import the published ones, and how to train."""

from __future__ import annotations

from collections.abc import Sequence

from flarecli.errors import InputError
from flarecli.systems import system_named


def missing_weights(system: str, networks: Sequence[str]) -> InputError:
    """The error for networks without weights, with the commands that help, to be copied.

    Args:
        system: Name of the system.
        networks: Keys of those of its networks that have no weights.

    Raises:
        UsageError: when there is no such system.
    """
    remedies = [*_importing(system, networks), *_training(system, networks)]
    names = " and ".join(f"{system}/{network}" for network in networks)
    return InputError(f"no weights are installed for {names}", remedy="\n".join(remedies))


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
