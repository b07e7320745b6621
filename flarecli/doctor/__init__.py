"""Whether this installation and this machine can do the work, and what stands in the way."""

from flarecli.doctor.examination import examine
from flarecli.doctor.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
