"""How far to trust each organ of a label map: signals from the class scores, and a verdict with its reasons."""

from flarecli.confidence.signals import OrganSignals, organ_signals
from flarecli.confidence.verdict import OrganConfidence, Verdict, judge_organs

__all__ = ["OrganConfidence", "OrganSignals", "Verdict", "judge_organs", "organ_signals"]
