"""Fetch a file over HTTP: resumed after a cut, checked against its hash, one process at a time, whole or not at all.

pooch checks the hash, tries a wrong file once more and moves the right one into place; it starts every attempt at the
first byte, so what talks to the server here goes on from what is on disk.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 20
SILENCE_SECONDS = 60  # of a server that has answered and then says nothing more
RETRIES = 4  # after cut connections and errors of the server
CHUNK = 1 << 16

Progress = Callable[[int, int], None]


class Resuming:
    """A pooch downloader that goes on where an earlier attempt, or a killed process, stopped.

    Parameters
    ----------
    part : Path
        Holds the bytes so far; beside it NAME.etag, by which the server says whether its file is still the same.
    size : int, optional
        Bytes of the whole file where known; a longer answer is refused instead of filling the disk.
    progress : callable, optional
        Takes (bytes so far, bytes of all or 0).
    retries : int
        Further attempts after a cut connection or an error of the server; each waits a second longer.
    silence : float
        Seconds without a byte after which the connection counts as cut.
    """

    def __init__(
        self,
        part: Path,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        retries: int = RETRIES,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        self.part, self.size, self.progress = part, size, progress
        self.retries, self.silence = retries, silence
        self.tag = part.with_name(part.name + ".etag")

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Bring the file to `output_file`, as pooch asks."""
        import requests

        for attempt in range(self.retries + 1):
            try:
                with requests.Session() as session:
                    self._receive(session, url)
                break
            except requests.RequestException as error:
                if attempt == self.retries:
                    raise ConnectionError(_reason(error)) from error
                logger.info("%s: %s; attempt %d follows", url, _reason(error), attempt + 2)
                time.sleep(min(attempt + 1, 10))
        os.replace(self.part, output_file)
        self.tag.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what an attempt left."""
        self.part.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)

    def _receive(self, session: requests.Session, url: str) -> None:
        import requests

        have = self._resumable()
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.tag.exists():
                headers["If-Range"] = self.tag.read_text(encoding="utf-8")
        with session.get(url, stream=True, headers=headers, timeout=(CONNECT_SECONDS, self.silence)) as answer:
            if answer.status_code == 416:  # what is on disk is no beginning of the server's file
                self.discard()
                raise requests.ConnectionError(f"the server has no bytes from {have:,} on")
            if 400 <= answer.status_code < 500 and answer.status_code not in {408, 429}:
                raise FileNotFoundError(f"the server answers {answer.status_code} {answer.reason}")
            answer.raise_for_status()
            starts = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if answer.status_code != 206 or starts != str(have):
                have = 0
            length = int(answer.headers.get("Content-Length") or 0)
            total = self.size or (have + length if length else 0)
            if tag := answer.headers.get("ETag", ""):
                self.tag.write_text(tag, encoding="utf-8")
            have = self._store(answer, have, total)
            if total and have < total:
                raise requests.ConnectionError(f"the connection was cut after {have:,} of {total:,} bytes")

    def _store(self, answer: requests.Response, have: int, total: int) -> int:
        """Write what comes behind the first `have` bytes; how many there are then."""
        with open(self.part, "r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            for block in answer.iter_content(CHUNK):
                file.write(block)
                have += len(block)
                if self.size is not None and have > self.size:
                    raise ValueError(f"more than the {self.size:,} bytes that it should have")
                if self.progress is not None:
                    self.progress(have, total)
        return have

    def _resumable(self) -> int:
        """Bytes on disk that the rest can be added to: only where a later check tells whether the two fit together."""
        if not self.part.exists() or (self.size is None and not self.tag.exists()):
            return 0
        return self.part.stat().st_size


def download(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    retries: int = RETRIES,
    silence: float = SILENCE_SECONDS,
) -> Path:
    """Fetch a file, unless it is there already with the right hash.

    Parameters
    ----------
    url : str
        http or https.
    path : path
        Where the file shall lie; folders above it are made. It appears there whole and checked, or not at all.
    sha256 : str, optional
        Of the whole file, 64 hex digits. Without one an existing file is taken as it is.
    size : int, optional
        Bytes of the whole file.
    progress : callable, optional
        Takes (bytes so far, bytes of all or 0 where the server does not say).
    retries : int
        Further attempts after a cut connection or an error of the server; a wrong file is asked for once more.
    silence : float
        Seconds without a byte after which a connection counts as cut.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the address is no http address, or what came is not the file that it should be: it is removed.
    OSError
        If the server cannot be reached, refuses, or the disk is full. What has come stays beside `path`, hidden, for
        the next attempt, except on a full disk.
    """
    import pooch
    from filelock import FileLock

    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"address {url} is no http or https address; mend it where it is given")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    resuming = Resuming(
        path.with_name(f".{path.name}.part"), size=size, progress=progress, retries=retries, silence=silence
    )
    pooch.get_logger().setLevel(logging.ERROR)
    wanted = None if sha256 is None else f"sha256:{sha256}"
    store = pooch.create(path.parent, "", registry={path.name: wanted}, urls={path.name: url}, retry_if_failed=1)
    with FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists() and not pooch.hashes.hash_matches(str(path), wanted):
            logger.warning("%s is damaged or of another version; it is fetched again", path)
            path.unlink()
        try:
            store.fetch(path.name, downloader=resuming)
        except ValueError as error:
            resuming.discard()
            wrong = " ".join(str(error).split()).partition(". ")[0]
            raise ValueError(f"{url} is not the file that is wanted: {wrong}; none of it was kept") from error
        except (ConnectionError, FileNotFoundError) as error:
            raise OSError(f"{url} could not be fetched: {error}; the same command goes on from there") from error
        except OSError as error:
            resuming.discard()
            raise OSError(f"{url} could not be stored as {path} ({error.strerror or error}); make room") from error
    return path


def _reason(error: Exception) -> str:
    """What went wrong with a connection, without the Python objects of requests' messages."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code}"
    text = str(error)
    if "refused" in text:
        return "the connection was refused"
    if "resolution" in text or "resolve" in text or "Name or service" in text:
        return "no such host, or no network"
    return "the connection was cut" if "object at 0x" in text or "Incomplete" in text else text
