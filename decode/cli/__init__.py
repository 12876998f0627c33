"""The `decode` command: each module parses, calls one public function, writes and logs."""

from decode.cli.app import main

__all__ = ["main"]
