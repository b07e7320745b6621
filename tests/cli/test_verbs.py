"""Verbs are made once a process, and are the same whoever makes their first context."""

from __future__ import annotations

import subprocess
import sys


def test_both_options_of_help_work_after_a_context_without_the_whole_command() -> None:
    program = (
        "from typer.main import get_command; from typer.testing import CliRunner; from flarecli.cli.main import app; "
        "verb = get_command(app).commands['systems']; verb.make_context('systems', []); "
        "print(*(CliRunner().invoke(app, ['systems', option]).exit_code for option in ('-h', '--help')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "0"]
