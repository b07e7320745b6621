"""Versions that fit, that do not, and that are known to be bad."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

import pytest

from flarecli.doctor import CheckVerdict
from flarecli.doctor.packages import KNOWN_BAD, bad_version_checks, package_checks

Versions = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Versions:
    """Pretend that packages are installed in these versions, or absent where None; keras 3.15.1 is there."""

    def pretend(requires: list[str], **versions: str | None) -> None:
        known = {"keras": "3.15.1", **versions}

        def version(name: str) -> str:
            if known.get(name) is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return str(known[name])

        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["keras>=3.15,<4", *requires])

    return pretend


def seen() -> dict[str, CheckVerdict]:
    return {result.subject: result.verdict for result in package_checks()}


def test_the_installation_under_test_fits() -> None:
    assert seen() == {"python": CheckVerdict.good, "packages": CheckVerdict.good}


def test_a_package_that_is_required_and_absent_is_bad(installed: Versions) -> None:
    installed(["nibabel>=5.3"])
    assert seen() == {"python": CheckVerdict.good, "package nibabel": CheckVerdict.bad}


def test_a_package_of_another_version_is_a_warning(installed: Versions) -> None:
    installed(["nibabel>=5.3"], nibabel="4.0")
    (result,) = [result for result in package_checks() if result.subject == "package nibabel"]
    assert result.verdict is CheckVerdict.warning
    assert result.seen == "4.0, expected >=5.3"
    assert result.remedy == "Install it: pip install 'nibabel>=5.3'"


@pytest.mark.parametrize("version", [None, "2.13.0+cpu"])
def test_a_package_of_an_extra_may_be_absent(installed: Versions, version: str | None) -> None:
    installed(['torch>=2.7,!=2.9.*; extra == "torch"', 'pytest>=99; extra == "dev"'], torch=version, pytest="9.2.0")
    assert seen() == {"python": CheckVerdict.good, "packages": CheckVerdict.good}


@pytest.mark.parametrize("version", ["2.9.0", "2.9.1+cpu"])
def test_a_version_known_to_be_bad_is_told_with_its_reason(installed: Versions, version: str) -> None:
    installed([], torch=version)
    (torch,) = KNOWN_BAD
    (result,) = bad_version_checks(torch)
    assert result.verdict is CheckVerdict.warning
    assert f"{version} is known to be bad" in result.seen
    assert "#163539" in result.seen
    assert "pip install 'torch!=2.9.*'" in str(result.remedy)


@pytest.mark.parametrize("version", [None, "2.8.1", "2.10.0"])
def test_others_are_not(installed: Versions, version: str | None) -> None:
    installed([], torch=version)
    (torch,) = KNOWN_BAD
    assert list(bad_version_checks(torch)) == []


def test_a_source_tree_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "metadata", absent)
    (result,) = package_checks()
    assert result.verdict is CheckVerdict.warning
    assert result.remedy == "Install it: pip install flarecli"
