"""Which scans the records are of that name none: told by the content of the scans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import FlareError
from flarecli.prediction.case import Case
from flarecli.prediction.scan_content import content_of, files_of_scan


class AnonymousRecords:
    """The records of a folder that name no scan, as `flare predict --anonymous` writes them.

    They are called by numbers, as another scan may be. A scan is read only where one of them is of a scan of its size.
    """

    def __init__(self) -> None:
        self._stems: set[str] = set()
        self._checksums: dict[tuple[int, int], set[str]] = {}

    def add(self, stem: str, record: Mapping[str, Any]) -> None:
        """Note a record, where it names no scan.

        Args:
            stem: Name of its label map, without suffix.
            record: As `flarecli.prediction.record.read_record` gives it.
        """
        if record.get("scan") is None:
            self._stems.add(stem)
            content = record["scan_content"]
            self._checksums.setdefault((content["files"], content["bytes"]), set()).add(content["sha256"])

    def __contains__(self, stem: str) -> bool:
        """Whether the record of this name is one of them."""
        return stem in self._stems

    def are_of(self, case: Case) -> bool:
        """Whether one of them is of the content of this scan; no where the scan cannot be read."""
        if not self._checksums or case.problem is not None:
            return False
        try:
            source = case.source()
            if not isinstance(source, SeriesFiles):
                files = files_of_scan(source)
                if (len(files), sum(path.stat().st_size for path in files)) not in self._checksums:
                    return False
            content = content_of(source)
        except (FlareError, OSError, ValueError):
            return False
        return content.sha256 in self._checksums.get((content.files, content.bytes), ())
