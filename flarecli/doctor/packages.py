"""Installed packages against what `flare` requires, and against versions known to be bad."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from flarecli.doctor.check_result import CheckResult, CheckVerdict

_DISTRIBUTION = "flarecli"
_EXTRAS = ("io", "jax", "tensorflow", "torch")
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


def package_checks() -> Iterator[CheckResult]:
    """Python, the packages that are required, those of extras where they are installed, and bad versions."""
    try:
        metadata = importlib.metadata.metadata(_DISTRIBUTION)
        required = [Requirement(text) for text in importlib.metadata.requires(_DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        yield CheckResult(
            "packages", CheckVerdict.warning, "flarecli is not installed", "Install it: pip install flarecli"
        )
        return
    yield _python_check(SpecifierSet(metadata["Requires-Python"]))
    wrong = [result for requirement in required for result in _requirement_checks(requirement)]
    yield from wrong
    if not wrong:
        yield CheckResult("packages", CheckVerdict.good, "all that are required, in versions that fit")
    for bad in KNOWN_BAD:
        yield from bad_version_checks(bad)


def bad_version_checks(bad: BadVersions) -> Iterator[CheckResult]:
    """A warning where the installed version is a bad one."""
    version = _installed(bad.distribution)
    if version is not None and bad.versions.contains(version, prereleases=True):
        yield CheckResult(
            f"package {bad.distribution}",
            CheckVerdict.warning,
            f"{version} is known to be bad: {bad.problem}",
            f"Install another version: pip install '{bad.distribution}!={str(bad.versions).removeprefix('==')}'",
            {"distribution": bad.distribution, "version": version, "bad_versions": str(bad.versions)},
        )


def _python_check(supported: SpecifierSet) -> CheckResult:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if supported.contains(version, prereleases=True):
        return CheckResult("python", CheckVerdict.good, version)
    return CheckResult(
        "python",
        CheckVerdict.warning,
        f"{version}, expected {supported}",
        "Use a version of Python that flare is made for.",
    )


def _requirement_checks(requirement: Requirement) -> Iterator[CheckResult]:
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
    yield CheckResult(
        f"package {requirement.name}",
        CheckVerdict.bad if version is None else CheckVerdict.warning,
        f"{version or 'not installed'}, expected {requirement.specifier}",
        f"Install it: pip install '{requirement.name}{requirement.specifier}'",
        {"distribution": requirement.name, "version": version, "expected": str(requirement.specifier)},
    )


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
