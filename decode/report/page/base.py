"""A page in one file: style, scripts and data within it, nothing fetched, nothing from strangers run.

The figures are drawn by scripts of our own (scales.js, charts.js: 24 kB) and not by a plotting library: plotly.js would
add 4.8 MB to every page, its figures cannot be walked through by keyboard, and on paper they keep the width of the
screen. Ours are SVG of the width that they are given, with their names as text.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from importlib import metadata, resources
from typing import Any

from decode.core.files import to_json

ASSETS = "decode.report.page"
STYLES = ("style.css",)
SCRIPTS = ("core.js", "tables.js", "scales.js", "charts.js")


def assemble_page(
    template: str,
    *,
    title: str,
    data: Any = None,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    **values: Any,
) -> str:
    """A whole page from a template of the assets.

    Parameters
    ----------
    template : str
        File name in decode/report/page/assets; it extends base.html.j2. Every value is escaped.
    title : str
    data : JSON-ready value, optional
        What the scripts read by `decodePage.unpack("page-data")`; undefined numbers become null.
    scripts, styles : sequence of str, optional
        Further files of the assets, after those that every page has.
    **values
        What the template asks for.

    Returns
    -------
    str
        HTML. Its content security policy lets nothing run or load but what is written here.
    """
    style = "".join(_asset(name) for name in (*STYLES, *styles))
    script = "".join(_asset(name) for name in (*SCRIPTS, *scripts))
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = _environment()
    safe = environment.filters["safe"]
    return str(
        environment.get_template(template).render(
            values
            | {
                "title": title,
                "version": metadata.version("decode-expression"),
                "policy": safe(policy),
                "style": safe(style),
                "script": safe(script),
                "data": "" if data is None else pack(data),
            }
        )
    )


def pack(value: Any) -> str:
    """A value as gzipped JSON in base64, the same bytes for the same value.

    Examples
    --------
    >>> unpack(pack({"gene": "A", "p": float("nan")}))
    {'gene': 'A', 'p': None}
    """
    plain = json.dumps(json.loads(to_json(value)), separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(gzip.compress(plain.encode(), 9, mtime=0)).decode()


def unpack(text: str) -> Any:
    """The value that `pack` was given."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def _asset(name: str) -> str:
    return (resources.files(ASSETS) / "assets" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """A text as a content security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _unbroken(value: Any) -> Any:
    """A number stays in one line with its per cent sign."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader(ASSETS, "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
