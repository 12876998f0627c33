"""Sentences for the methods of a paper: what was run, with which versions, seeds and settings, and whom to cite."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from decode.report.page.runs import Run, flat

REFERENCES = {
    "tasaki2020": (
        "Tasaki S, Gaiteri C, Mostafavi S, Wang Y. Deep learning decodes the principles of differential gene "
        "expression. Nature Machine Intelligence 2, 376\u2013386 (2020)."
    ),
    "kong2021": "Kong Y et al. BMC Bioinformatics 22, 27 (2021): landmark genes by autoencoder and DeepLIFT.",
    "shrikumar2017": (
        "Shrikumar A, Greenside P, Kundaje A. Learning important features through propagating activation "
        "differences. ICML, PMLR 70, 3145\u20133153 (2017)."
    ),
    "benjamini1995": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach "
        "to multiple testing. Journal of the Royal Statistical Society B 57, 289\u2013300 (1995)."
    ),
    "smyth2004": (
        "Smyth GK. Linear models and empirical Bayes methods for assessing differential expression in "
        "microarray experiments. Statistical Applications in Genetics and Molecular Biology 3, 3 (2004)."
    ),
    "freedman1983": (
        "Freedman D, Lane D. A nonstochastic interpretation of reported significance levels. Journal of "
        "Business & Economic Statistics 1, 292\u2013298 (1983)."
    ),
    "phipson2010": (
        "Phipson B, Smyth GK. Permutation P-values should never be zero. Statistical Applications in "
        "Genetics and Molecular Biology 9, 39 (2010)."
    ),
    "subramanian2017": (
        "Subramanian A et al. A next generation Connectivity Map: L1000 platform and the first 1,000,000 "
        "profiles. Cell 171, 1437\u20131452 (2017)."
    ),
    "chen2016": (
        "Chen Y, Li Y, Narayan R, Subramanian A, Xie X. Gene expression inference with deep learning. "
        "Bioinformatics 32, 1832\u20131839 (2016)."
    ),
    "mancuso2020": (
        "Mancuso CA, Canfield JL, Singla D, Krishnan A. A flexible, interpretable, and accurate approach for "
        "imputing the expression of unmeasured genes. Nucleic Acids Research 48, e125 (2020)."
    ),
    "balin2019": (
        "Balin MF, Abid A, Zou J. Concrete autoencoders: differentiable feature selection and reconstruction. "
        "ICML, PMLR 97, 444\u2013453 (2019)."
    ),
}
PACKAGE = "decode-expression"


def cite(*keys: str) -> str:
    """Works as a text names them.

    Examples
    --------
    >>> cite("tasaki2020", "benjamini1995")
    '(Tasaki et al. 2020; Benjamini and Hochberg 1995)'
    """
    return f"({'; '.join(_SHORT[key] for key in keys)})"


_SHORT = {
    "tasaki2020": "Tasaki et al. 2020",
    "kong2021": "Kong et al. 2021",
    "shrikumar2017": "Shrikumar et al. 2017",
    "benjamini1995": "Benjamini and Hochberg 1995",
    "smyth2004": "Smyth 2004",
    "freedman1983": "Freedman and Lane 1983",
    "phipson2010": "Phipson and Smyth 2010",
    "subramanian2017": "Subramanian et al. 2017",
    "chen2016": "Chen et al. 2016",
    "mancuso2020": "Mancuso et al. 2020",
    "balin2019": "Balin et al. 2019",
}


def cited(paragraphs: Iterable[str]) -> list[str]:
    """Full references of the works that paragraphs name, in alphabetical order."""
    text = " ".join(paragraphs)
    return sorted(REFERENCES[key] for key, short in _SHORT.items() if short in text)


def versions_sentence(run: Run) -> str:
    """With which versions a run was made."""
    versions = dict(run.record.get("versions") or {})
    own = versions.pop(PACKAGE, "of unknown version")
    python = versions.pop("python", "")
    others = ", ".join(f"{name} {version}" for name, version in versions.items())
    on = f" under Python {python}" if python else ""
    return f"The analysis used decode {own} {cite('tasaki2020')}{on}{f' with {others}' if others else ''}."


def seeds_sentence(run: Run) -> str:
    """The seeds of a run."""
    seeds = {name: value for name, value in (run.record.get("seeds") or {}).items() if value is not None}
    if not seeds:
        return "The computation has no random part of its own."
    return f"Random seed: {', '.join(text for _, text in flat(seeds))}."


def parameters_sentence(run: Run, leave_out: Sequence[str] = ("seed", "seeds")) -> str:
    """All options that were given or in force."""
    shown = [f"{name} {value}" for name, value in flat({k: v for k, v in run.options.items() if k not in leave_out})]
    return f"Parameters: {'; '.join(shown)}." if shown else ""


def methods_of(run: Run, *sentences: str) -> tuple[str, ...]:
    """The paragraphs of a run: what its kind says, then versions, seeds and parameters."""
    own = " ".join(sentence for sentence in sentences if sentence)
    closing = " ".join(part for part in (versions_sentence(run), seeds_sentence(run), parameters_sentence(run)) if part)
    return tuple(part for part in (own, closing) if part)


def record_rows(run: Run) -> tuple[tuple[str, str], ...]:
    """What the record says, as rows of name and value."""
    record = run.record
    rows = [("output", str(run.out)), ("kind of run", run.kind)]
    if record.get("command"):
        rows.append(("command", shlex.join(["decode", *record["command"][1:]])))
    if record.get("params"):
        rows.append(("options from", _input_text(record["params"])))
    rows.append(("finished (UTC)", str(record.get("time_utc") or "unknown")))
    for name, entry in (record.get("inputs") or {}).items():
        rows.append((f"input: {name}", _input_text(entry)))
    versions = ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items())
    options = "; ".join(f"{name} {value}" for name, value in flat(run.options))
    rows += [(name, text) for name, text in (("versions", versions), ("options", options)) if text]
    return tuple(rows)


def _input_text(entry: dict[str, Any]) -> str:
    digest = entry.get("sha256")
    return f"{entry['path']}{f' (SHA-256 {digest})' if digest else ''}"
