"""A server on 127.0.0.1 that serves a folder, well or ill; /moved/NAME leads to /NAME."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Server:
    """How it behaves, and what it was asked.

    Attributes
    ----------
    folder : Path
    address : str
    cuts : int
        Answers that still end after half of their bytes.
    cut_only : str
        How the names end whose answers are cut.
    errors : list of int
        Status codes of the next answers.
    ranges, tags : bool
        Whether it serves parts of files, and names their versions.
    pause : float
        Seconds between the two halves of an answer.
    asked : list of (str, str)
        Path and Range header of each request.
    """

    folder: Path
    address: str = ""
    cuts: int = 0
    cut_only: str = ""
    errors: list[int] = field(default_factory=list)
    ranges: bool = True
    tags: bool = True
    pause: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve a folder until the block ends."""
    state = Server(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append((self.path, wanted))
            if state.errors:
                return self.refuse(state.errors.pop(0))
            if self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/moved"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            path = state.folder / self.path.lstrip("/")
            if not path.is_file():
                return self.refuse(404)
            content = path.read_bytes()
            tag = f'"{hash(content) & 0xFFFFFFFF:x}"'
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
            if self.headers.get("If-Range", tag) != tag:
                start = 0
            if start > len(content):
                return self.refuse(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if state.tags:
                self.send_header("ETag", tag)
            self.end_headers()
            rest = content[start:]
            half = len(rest) // 2
            self.wfile.write(rest[:half])
            self.wfile.flush()
            if state.cuts and self.path.endswith(state.cut_only):
                state.cuts -= 1
                self.close_connection = True
                return None
            threading.Event().wait(state.pause)  # not time.sleep, which tests replace
            self.wfile.write(rest[half:])
            return None

        def refuse(self, code: int) -> None:
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
