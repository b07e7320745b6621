"""The system that is used when none is named: the one whose bundled weights know real scans best."""

DEFAULT_SYSTEM = "flarelite"
