"""Whether this installation and this machine can do the work, and what stands in the way."""

from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.doctor.examination import examine

__all__ = ["CheckResult", "CheckVerdict", "examine"]
