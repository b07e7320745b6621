"""The one place that connects to servers: `fsspec` file systems by scheme, and errors in place of their exceptions."""

from __future__ import annotations

import errno
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from flarecli.addresses import Address
from flarecli.errors import Blame, FlareError, InputError, InstallationError, OutputError

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "https": "aiohttp", "http": "aiohttp"}
_CONNECT_S, _SILENCE_S = 15, 60
"""How long a server may take to answer, and may be silent in the middle of a file."""

_TRIES = 3
_CREDENTIALS = {
    "s3": "Give them as the AWS tools take them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role "
    "of the machine; for public buckets set FSSPEC_S3_ANON=true.",
    "gs": "Give them as the Google tools take them: GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default "
    "login, or a service account of the machine; for public buckets set FSSPEC_GS_TOKEN=anon.",
}
_NO_CREDENTIALS = ("Credential", "Token", "Auth", "Profile")
_NONE = ("No", "Partial", "Default")
"""Beginnings of exceptions' names that say that there are no credentials, not that they are wrong."""

_BROKEN_OFF = ("ContentLengthError", "TransferEncodingError", "ClientPayloadError")

_AGAIN = "Check the network and the server, and run the same command again."
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def file_system(address: Address) -> Any:
    """The `fsspec` file system for an address; lists are asked for anew each time.

    Raises:
        InstallationError: when a package is not installed.
    """
    return _file_system(address.scheme)


@cache
def _file_system(scheme: str) -> Any:
    package = _PACKAGES[scheme]
    try:
        import fsspec

        importlib.import_module(package)
    except ImportError as error:
        raise InstallationError(
            f"addresses with {scheme}:// need a package that is not installed",
            seen=error.name or package,
            expected=f"fsspec and {package}",
            remedy="Install it with: pip install 'flarecli[remote]'",
        ) from error
    if scheme == "s3":
        made = fsspec.filesystem(
            "s3",
            use_listings_cache=False,
            config_kwargs={
                "connect_timeout": _CONNECT_S,
                "read_timeout": _SILENCE_S,
                "retries": {"mode": "standard", "max_attempts": _TRIES},
            },
        )
        made.retries = _TRIES
        return made
    if scheme == "gs":
        # The class of the JSON interface: what gcsfs gives by name asks for the kind of each bucket over gRPC first.
        return importlib.import_module("gcsfs.core").GCSFileSystem(use_listings_cache=False)
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
    # Files as they are stored: a server that says "Content-Encoding: gzip" of a .nii.gz means the file itself.
    session = {"timeout": timeout, "trust_env": True, "auto_decompress": False}
    return fsspec.filesystem(
        "https", use_listings_cache=False, client_kwargs=session, headers={"Accept-Encoding": "identity"}
    )


@contextmanager
def server_errors(address: Address, *, writes: bool = False) -> Iterator[None]:
    """Turn whatever a server or connection does in the body into an error that names the address.

    Args:
        address: What is read or written.
        writes: Whether it is written, so that errors are an `OutputError`.

    Raises:
        InputError, OutputError: in place of other exceptions. Their causes are left out: their texts may hold
            credentials.
    """
    try:
        yield
    except FlareError:
        raise
    except Exception as cause:
        error = _error(cause, address, writes=writes)
    else:
        return
    raise error from None


def _error(cause: Exception, address: Address, *, writes: bool) -> FlareError:
    kind = partial(OutputError if writes else InputError, path=str(address), blame=Blame.ACCESS)
    chain = list(_chain(cause))
    status = next((found for error in chain if (found := _status(error)) is not None), None)
    names = [type(error).__name__ for error in chain]
    seen = _words(chain[-1], address)
    if any(isinstance(error, OSError) and error.errno in _NO_ROOM for error in chain):
        return kind(
            "cannot be brought here: there is no room",
            seen=seen,
            remedy="Make room in the folder of temporary files, or name another one by TMPDIR.",
        )
    if status in (401, 407) or any(
        name.startswith(("No", "Partial", "Default")) and _is_of_credentials(name) for name in names
    ):
        return kind(
            "needs credentials, and none were found",
            seen=seen,
            remedy=_CREDENTIALS.get(address.scheme, "Give an address that needs none, such as a signed one."),
        )
    if status == 403 or any(isinstance(error, PermissionError) for error in chain):
        return kind(
            "the server refuses access",
            seen=seen,
            expected="credentials that may " + ("write there" if writes else "read it"),
            remedy="Check the credentials, and what they allow."
            if address.scheme in _CREDENTIALS
            else "Check the address; a signed one may have expired.",
        )
    if status in (404, 410) or (
        isinstance(cause, FileNotFoundError) and ((status is None and len(chain) == 1) or address.is_listable)
    ):
        return kind(
            "does not exist",
            seen="no such bucket, or no such object in it" if address.is_listable else seen,
            remedy="Check the spelling of the address.",
        )
    if any(_is_of_credentials(name) for name in names):
        return kind(
            "the credentials cannot be used",
            seen=seen,
            remedy=_CREDENTIALS.get(address.scheme, _AGAIN),
        )
    if status is not None and status >= 400:
        return kind("the server answers with an error", seen=seen, remedy=_AGAIN)
    return kind("the connection to the server failed", seen=seen, remedy=_AGAIN)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    """The status of HTTP that an exception tells; an answer that broke off has none, whatever the library calls it."""
    if type(error).__name__ in _BROKEN_OFF:
        return None
    for name in ("status", "code"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 100 <= value < 600:
            return value
    response = getattr(error, "response", None)
    value = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return value if isinstance(value, int) else None


def _is_of_credentials(name: str) -> bool:
    return any(word in name for word in _NO_CREDENTIALS)


def _words(cause: BaseException, address: Address) -> str:
    """What an exception says, without queries and signatures."""
    text = str(cause) or type(cause).__name__
    if address.query:
        text = text.replace(address.query, "...")
    text = re.sub(r"\?[^\s'\"<>)]+", "?...", text)
    return f"{type(cause).__name__}: {text}"[:300] if text != type(cause).__name__ else text
