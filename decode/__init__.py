"""Which TFs, RNA-binding proteins and miRNAs drive an expression change, where do they act, and how sure are we?

The public names stand in `__init__.pyi`, once: type checkers read them there, and so does this module. Each is resolved
when it is first used, so `import decode` loads neither TensorFlow nor pandas.
"""

import ast
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

_HOME = {
    alias.name: str(node.module)
    for node in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("decode-expression")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'decode' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
