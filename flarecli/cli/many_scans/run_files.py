"""What `flare predict` writes once for all cases of a run: the table of statistics and the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flarecli.cli.many_scans.ended_cases import EndedCases
    from flarecli.files.destinations import Destination
    from flarecli.prediction.output_options import OutputOptions


@dataclass(frozen=True)
class RunFiles:
    """Files about all cases of a run.

    Attributes:
        statistics: Volume, HU and extent of each organ, .csv or .json; None for none.
        report: The HTML page; None for none.
    """

    statistics: Path | None
    report: Path | None

    @classmethod
    def at(cls, statistics: str | None, report: str | None) -> RunFiles:
        """The files at paths or addresses.

        Raises:
            UsageError, InstallationError: as `flarecli.files.remote.staging.destination_file` does.
        """
        from flarecli.files.remote.staging import destination_file

        return cls(*(None if text is None else destination_file(text) for text in (statistics, report)))

    def check_suffixes(self) -> None:
        """Refuse names that end in another format.

        Raises:
            UsageError: then.
        """
        if self.statistics is not None:
            from flarecli.measures.statistics import check_statistics_path

            check_statistics_path(self.statistics)
        if self.report is not None:
            from flarecli.report.page import check_page_path

            check_page_path(self.report)

    def destinations(self, existing: str) -> list[Destination]:
        """The files, and which of them may be replaced: with "overwrite" all, with "resume" those of an earlier run."""
        from flarecli.files.destinations import Destination

        found = []
        if self.statistics is not None:
            from flarecli.measures.statistics import is_statistics_table

            replaces = existing == "overwrite" or (existing == "resume" and is_statistics_table(self.statistics))
            found.append(Destination(self.statistics, "table of statistics", replaces))
        if self.report is not None:
            from flarecli.report.page import is_report_page

            replaces = existing == "overwrite" or (existing == "resume" and is_report_page(self.report))
            found.append(Destination(self.report, "report", replaces))
        return found

    def write_report(self, ended: EndedCases, options: OutputOptions, existing: str, *, title: str) -> None:
        """Write the report, where one is asked for.

        Raises:
            OutputError: when it cannot be written, or exists by now and may not be replaced.
        """
        if self.report is not None:
            from flarecli.report.run import write_report_of_run

            replaces = self._may_replace(self.report, existing)
            write_report_of_run(self.report, ended, options, title=title, replaces=replaces)

    def write_statistics(self, ended: EndedCases, existing: str) -> None:
        """Write the table of statistics, where one is asked for.

        Raises:
            OutputError: when it cannot be written, or exists by now and may not be replaced.
        """
        if self.statistics is not None:
            from flarecli.measures.statistics import write_statistics_of

            rows = ((outcome.case.name, outcome.statistics) for outcome in ended)
            write_statistics_of(self.statistics, rows, replaces=self._may_replace(self.statistics, existing))

    def _may_replace(self, path: Path, existing: str) -> bool:
        return any(file.path == path and file.replaces for file in self.destinations(existing))
