"""Addresses of files on servers, and the local paths that stand for them while a command works on them.

An address such as `s3://bucket/scans/ct.nii.gz` is worked on under a path such as
`/tmp/.flare-part-<host>-<process>-<random>.remote/s3/bucket/scans/ct.nii.gz` of a private temporary folder. The path
alone says which address it stands for, so that worker processes know it, too. What users see, in messages, records and
tables, is the address.

Queries of addresses (`?X-Amz-Signature=...`) are credentials as a rule. They lie in a file of the private folder and
are never part of a path, a message or a record.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

READ, WRITTEN = ("s3", "gs", "https", "http"), ("s3", "gs")
"""Schemes of what is read, and of what is written."""

FOLDER_SUFFIX = ".remote"
"""End of the name of the private folder."""

START = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""Start of an address of any kind; its group is the scheme."""

_FOLDER = r"\.flare-part-[0-9a-f]{8}-\d+-[0-9a-f]{8}" + re.escape(FOLDER_SUFFIX)
_STAGED = re.compile(
    rf"(?P<folder>.*/{_FOLDER})/(?P<scheme>{'|'.join(READ)})/(?P<host>[^/]+)(?:/@(?P<query>[0-9a-f]{{16}}))?/?(?P<path>(?!(?:.*/)?\.flare-part-).*)",
    re.DOTALL,
)
_IN_TEXT = re.compile(rf"[^\s'\"]*/{_FOLDER}/({'|'.join(READ)})/([^/\s'\"]+)(?:/@[0-9a-f]{{16}})?")
_QUERIES = "queries"


def without_secrets(address: str) -> str:
    """Text of an address of any kind, without query, name and password."""
    return re.sub(r"://[^/]*@", "://...@", address.partition("?")[0])


@dataclass(frozen=True)
class Address:
    """A file or prefix on a server; as text without its query.

    Attributes:
        scheme: One of `READ`.
        host: The server, with port; of `s3` and `gs` the bucket.
        path: The path or key, without slashes at its ends; empty for a whole bucket.
        query: What stands after `?`; often a signature, so it is shown nowhere.
    """

    scheme: str
    host: str
    path: str
    query: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{self.path}"

    @property
    def url(self) -> str:
        """The whole address, to be given to the server alone."""
        return f"{self}?{self.query}" if self.query else str(self)

    @property
    def is_listable(self) -> bool:
        """Whether the server lists what lies below a prefix."""
        return self.scheme in WRITTEN


def staged_path(address: Address, folder: Path) -> Path:
    """The path that stands for an address in a private folder; its query is written there."""
    path = folder / address.scheme / address.host
    if address.query:
        key = hashlib.sha256(address.query.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        (folder / _QUERIES).mkdir(mode=0o700, exist_ok=True)
        (folder / _QUERIES / key).write_text(address.query, encoding="utf-8", errors="surrogateescape")
        path /= f"@{key}"
    return path / address.path


def is_staged(path: Path | str) -> bool:
    """Whether a path stands for an address; temporary files beside such paths do not."""
    return f"{FOLDER_SUFFIX}/" in str(path) and _STAGED.fullmatch(str(path)) is not None


def folder_of(path: Path | str) -> Path:
    """The private folder of a path that stands for an address."""
    found = _STAGED.fullmatch(str(path))
    assert found is not None
    return Path(found["folder"])


def address_of(path: Path | str) -> Address | None:
    """The address that a path stands for; None for all other paths."""
    found = _STAGED.fullmatch(str(path)) if f"{FOLDER_SUFFIX}/" in str(path) else None
    if found is None:
        return None
    query = ""
    if found["query"] is not None:
        written = Path(found["folder"]) / _QUERIES / found["query"]
        query = written.read_text(encoding="utf-8", errors="surrogateescape")
    return Address(found["scheme"], found["host"], found["path"], query)


def shown(path_or_text: Path | str) -> str:
    """A path or message with addresses in the place of the paths that stand for them."""
    text = path_or_text if isinstance(path_or_text, str) else str(path_or_text)
    if f"{FOLDER_SUFFIX}/" not in text:
        return text
    if text.startswith("/") and (whole := _STAGED.fullmatch(text)) is not None:
        return f"{whole['scheme']}://{whole['host']}/{whole['path']}".rstrip("/")
    return _IN_TEXT.sub(r"\1://\2", text)
