"""Checks of the installation and the machine: whether `flare` can run, and what prevents it."""

from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.doctor.examination import examine

__all__ = ["CheckResult", "CheckVerdict", "examine"]
