"""Print the share of lines that the tests ran, of decode and of its least covered modules: FILE of slipcover --json."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

LOWEST = 20


def for_type_checkers(path: Path) -> set[int]:
    """Lines that only type checkers read."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            lines |= set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def main(path: str) -> None:
    """Print one line for decode and one for each of the lowest modules."""
    rows = []
    for name, found in json.loads(Path(path).read_text(encoding="utf-8"))["files"].items():
        hidden = for_type_checkers(Path(name))
        missing = sorted(set(found["missing_lines"]) - hidden)
        n_lines = len(set(found["executed_lines"]) - hidden) + len(missing)
        rows.append((1 - len(missing) / max(n_lines, 1), name, n_lines, missing))
    n_all, n_missing = sum(row[2] for row in rows), sum(len(row[3]) for row in rows)
    print(f"lines of decode that the tests ran: {1 - n_missing / max(n_all, 1):.1%} of {n_all:,} in {len(rows)} files")
    print("(compiled kernels left out; what child processes ran is not seen)")
    for share, name, n_lines, missing in sorted(rows)[:LOWEST]:
        shown = ", ".join(map(str, missing[:12])) + " ..." * (len(missing) > 12)
        print(f"{share:6.1%} of {n_lines:4d}  {name}  not: {shown}")


if __name__ == "__main__":
    main(sys.argv[1])
