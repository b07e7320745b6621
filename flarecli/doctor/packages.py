"""Installed packages against what `flare` requires, and against versions known to be bad."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from flarecli.doctor.finding import Finding, Verdict

_DISTRIBUTION = "flarecli"
_EXTRAS = ("io", "tensorflow", "torch")
"""Extras that a user may have; tools of development are left out."""


@dataclass(frozen=True)
class BadVersions:
    """Versions of a package that work badly or wrongly.

    Attributes:
        distribution: Name on the package index.
        versions: Which ones.
        problem: What they do, and where that is reported.
    """

    distribution: str
    versions: SpecifierSet
    problem: str


KNOWN_BAD = (
    BadVersions(
        "torch",
        SpecifierSet("==2.9.*"),
        "3-D convolutions are several times slower (pytorch#166122), take more memory (#166643) and are wrong in "
        "bfloat16 (#163539)",
    ),
)


def package_findings() -> Iterator[Finding]:
    """Python, the packages that are required, those of extras where they are installed, and bad versions."""
    try:
        metadata = importlib.metadata.metadata(_DISTRIBUTION)
        required = [Requirement(text) for text in importlib.metadata.requires(_DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", Verdict.warning, "flarecli is not installed", "Install it: pip install flarecli")
        return
    yield _python_finding(SpecifierSet(metadata["Requires-Python"]))
    wrong = [finding for requirement in required for finding in _requirement_findings(requirement)]
    yield from wrong
    if not wrong:
        yield Finding("packages", Verdict.good, "all that are required, in versions that fit")
    for bad in KNOWN_BAD:
        yield from bad_version_findings(bad)


def bad_version_findings(bad: BadVersions) -> Iterator[Finding]:
    """A warning where the installed version is a bad one."""
    version = _installed(bad.distribution)
    if version is not None and bad.versions.contains(version, prereleases=True):
        yield Finding(
            f"package {bad.distribution}",
            Verdict.warning,
            f"{version} is known to be bad: {bad.problem}",
            f"Install another version: pip install '{bad.distribution}!={str(bad.versions).removeprefix('==')}'",
            {"distribution": bad.distribution, "version": version, "bad_versions": str(bad.versions)},
        )


def _python_finding(supported: SpecifierSet) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if supported.contains(version, prereleases=True):
        return Finding("python", Verdict.good, version)
    return Finding(
        "python", Verdict.warning, f"{version}, expected {supported}", "Use a version of Python that flare is made for."
    )


def _requirement_findings(requirement: Requirement) -> Iterator[Finding]:
    marker = requirement.marker
    is_required = marker is None or marker.evaluate({"extra": ""})
    is_optional = marker is not None and any(marker.evaluate({"extra": extra}) for extra in _EXTRAS)
    if not is_required and not is_optional:
        return
    version = _installed(requirement.name)
    if version is None and not is_required:
        return
    if version is not None and requirement.specifier.contains(version, prereleases=True):
        return
    yield Finding(
        f"package {requirement.name}",
        Verdict.bad if version is None else Verdict.warning,
        f"{version or 'not installed'}, expected {requirement.specifier}",
        f"Install it: pip install '{requirement.name}{requirement.specifier}'",
        {"distribution": requirement.name, "version": version, "expected": str(requirement.specifier)},
    )


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
