"""Files and text of prepared persons: targets, reference for new samples, what each step did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from decode.core.checks import check_unique, counted
from decode.expression.person import PersonTargets
from decode.expression.person_reference import write_person_reference
from decode.expression.person_tissues import TissueTargets
from decode.expression.task_kinds import kinds_sentence
from decode.report.files import Content, with_counts, write_files

KIND = "expression person"


def file_beside(out: str | Path, what: str) -> Path:
    """Name of a file that belongs to a table of targets.

    Examples
    --------
    >>> file_beside("runs/persons.tsv.gz", "reference.npz").as_posix()
    'runs/persons_reference.npz'
    """
    out = Path(out)
    stem = out.name.removesuffix(".gz")
    return out.with_name(f"{Path(stem).stem}_{what}")


def reference_files(result: PersonTargets | TissueTargets, out: str | Path) -> dict[Path, Any]:
    """What writes the reference of each tissue, by file name.

    Raises
    ------
    ValueError
        If the names of two tissues would give one file.
    """
    if isinstance(result, PersonTargets):
        return {file_beside(out, "reference.npz"): partial(write_person_reference, result.reference)}
    stems = {tissue: re.sub(r"[^\w.+-]+", "_", tissue) for tissue in result.references}
    check_unique("names of the tissues, as file names,", stems.values())
    return {
        file_beside(out, f"reference_{stems[tissue]}.npz"): partial(write_person_reference, reference)
        for tissue, reference in result.references.items()
    }


def write_person_targets(
    result: PersonTargets | TissueTargets,
    out: str | Path,
    *,
    samples: pd.DataFrame | None = None,
    counts: Mapping[str, int] | None = None,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
) -> list[Path]:
    """Write targets, NAME_reference.npz (one a tissue), NAME_steps.tsv, NAME_samples.tsv and a record.

    Parameters
    ----------
    result : PersonTargets or TissueTargets
    out : str or Path
        Table of targets.
    samples : pd.DataFrame, optional
        What is known of the samples; index: their names.
    counts : mapping of str to int, optional
        Of what came before, for the record.
    record : mapping, optional
        See `decode.core.files.run_record`.
    force : bool, default False
        Replace files that exist.

    Returns
    -------
    list of Path

    Raises
    ------
    FileExistsError, OSError
        As `decode.report.files.write_files`.
    """
    files: dict[Path, Content] = {Path(out): result.targets, **reference_files(result, out)}
    files[file_beside(out, "steps.tsv")] = result.steps
    if samples is not None:
        files[file_beside(out, "samples.tsv")] = _with_names(samples)
    return write_files(KIND, files, record=with_counts(record, {**(counts or {}), **result.counts}), force=force)


def _with_names(samples: pd.DataFrame) -> pd.DataFrame:
    """The table of samples with their names as first column, each once."""
    names = [str(name) for name in samples.index]
    if "sample" in samples and samples["sample"].astype(str).tolist() == names:
        samples = samples.drop(columns="sample")
    table = samples.reset_index(drop=True)
    table.insert(0, "sample_name" if "sample" in samples else "sample", names)
    return table


def preparation_text(result: PersonTargets | TissueTargets, counts: Mapping[str, int], rule: str) -> str:
    """Counts, steps and kinds of tasks, for the terminal.

    Parameters
    ----------
    result : PersonTargets or TissueTargets
    counts : mapping of str to int
        Of what came before.
    rule : str
        What the values are, in words.

    Returns
    -------
    str
    """
    lines = [f"values: {rule}", counted({**counts, **result.counts})]
    for row in result.steps.to_dict("records"):
        where = f"{row['tissue']}: " if "tissue" in row else ""
        if pd.notna(row["share_alone"]):
            numbers = (
                f"{row['share_alone']:.1%} of the variance alone, {row['share_beside_others']:.1%} beside the others"
            )
        else:
            numbers = f"{row['n_genes']:,} genes x {row['n_samples']:,} samples, SD of a gene {row['mean_sd']:.3g}"
        lines.append(f"{where}{row['step']}: {numbers} ({row['note']})")
    return "\n".join([*lines, f"kinds of tasks: {kinds_sentence(result.targets)}"])
