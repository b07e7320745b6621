"""The command as tests call it with servers."""

from __future__ import annotations

import sys
from pathlib import Path

from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.files.remote import connections
from tests.files.remote.servers import BUCKET, S3
from tests.synthetic_ct import write_ct

ROOT = Path(__file__).resolve().parents[3]
URL = f"s3://{BUCKET}"


def forget_connections() -> None:
    """Let the next command make its connections as a new process would."""
    connections._file_system.cache_clear()
    if "s3fs" in sys.modules:
        from s3fs import S3FileSystem

        S3FileSystem.clear_instance_cache()


def predict(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--system", "threshold"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def put_scans(s3: S3, folder: Path, number: int = 2) -> None:
    for index in range(number):
        s3.put(f"in/case{index}_0000.nii.gz", write_ct(folder / f"{index}.nii.gz", seed=index))
