"""`flare` with its steps observed: `python -m flarecli.profiling.processes.observed_command TRACE ARGUMENT ...`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module

from flarecli.profiling.step_meter import Span, StepMeter
from flarecli.steps import observed_steps

_COMMAND = ("flarecli.cli.entry", "main")
"""By name: this package does not depend on the command line, which it measures like any other program."""


def main(trace: str, arguments: list[str]) -> None:
    """Run the command; each step goes to the file `trace` as a line of JSON when it has ended.

    The command may end the process without coming back, so nothing is left for later.
    """
    with open(trace, "w", encoding="utf-8", buffering=1) as lines:  # noqa: PTH123 - spares importing pathlib

        def note(span: Span) -> None:
            lines.write(json.dumps(asdict(span)) + "\n")

        sys.argv = ["flare", *arguments]
        with observed_steps(StepMeter(note, since_start_of_process=True)):
            module, function = _COMMAND
            getattr(import_module(module), function)()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
