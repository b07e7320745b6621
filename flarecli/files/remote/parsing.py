"""What users write where an address may stand, checked before anything is connected to."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from flarecli.addresses import READ, START, WRITTEN, Address
from flarecli.errors import UsageError

_FORMS = "s3://BUCKET/KEY, gs://BUCKET/KEY or https://HOST/PATH"


def parsed_address(text: str) -> Address | None:
    """The address that a text is; None for a path of this machine.

    Raises:
        UsageError: when it is an address of another kind, has a name or password in it, names no server or file, or
            would send data over a network without encryption.
    """
    found = START.match(text)
    if found is None:
        return None
    scheme = found[1].lower()
    if scheme not in READ:
        if os.path.lexists(text):
            return None
        raise UsageError(
            "addresses of this kind are not read",
            seen=f"{scheme}://",
            expected=_FORMS,
            remedy="Copy the files to one of these, or to this machine.",
        )
    address = _parts(scheme, text[found.end() :], text)
    if scheme == "http" and not _is_this_machine(address.host):
        raise UsageError(
            "scans are not read over connections without encryption",
            seen=str(address),
            expected="https://",
            remedy="Use https; http is for servers on this machine (127.0.0.1) alone.",
        )
    return address


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path of this machine.

    Raises:
        UsageError: as `parsed_address` does.
    """
    return parsed_address(text) is not None


def _parts(scheme: str, rest: str, text: str) -> Address:
    query = ""
    if scheme in WRITTEN:  # keys may hold any sign
        host, _, path = rest.partition("/")
    else:
        split = urlsplit(f"{scheme}://{rest}")
        host, path, query = split.netloc, split.path.removeprefix("/"), split.query
    if "@" in host:
        raise UsageError(
            "names and passwords do not belong in an address: they would stand in lists of processes and shells",
            seen=f"{scheme}://...@{host.rpartition('@')[2]}",
            expected=_FORMS,
            remedy="Give credentials as the server's own tools take them: environment variables or files of settings.",
        )
    path = path.rstrip("/")
    if not host or (scheme not in WRITTEN and not path):
        raise UsageError("the address is incomplete", seen=f"{scheme}://{host}/{path}", expected=_FORMS, remedy=_WHOLE)
    if path and any(part in ("", ".", "..") or "\0" in part for part in path.split("/")):
        raise UsageError(
            "the address has an empty part, or one of dots alone",
            seen=f"{scheme}://{host}/{path}",
            expected=_FORMS,
            remedy=_WHOLE,
        )
    return Address(scheme, host, path, query)


_WHOLE = "Give the whole address."


def _is_this_machine(host: str) -> bool:
    import ipaddress

    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
