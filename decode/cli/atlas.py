"""decode atlas."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import by_name, load_tensorflow, open_features, open_model
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import bar

PAGE_SUFFIXES = (".html", ".htm")

if TYPE_CHECKING:
    from decode.registry.summary import AttributionSummary
    from decode.regulators.gene_view import GeneView

logger = logging.getLogger(__name__)

SUMMARY = "summary.npz"  # beside a model, see `decode.registry.summary`


def atlas(
    gene: Annotated[str | None, typer.Argument(help="Gene id or symbol.")] = None,
    task: Annotated[
        str | None, typer.Option(help="With GENE: the effects in this task. Alone: the regulators of this task.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Model bundle or a name; default: the one of the package.")] = None,
    features: Annotated[Path | None, typer.Option(help="Features file or a name; default: as the model.")] = None,
    targets: Annotated[Path | None, typer.Option(help="Targets table: measured values beside predictions.")] = None,
    top: Annotated[
        int | None, typer.Option(help="Regulators shown (default 10), or kept of every gene on a page (default 15).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the same as tables. Without GENE and --task: one page of all genes and tasks (.html)."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="On a page: where the values of --targets come from, and their licence.")
    ] = None,
    force: Force = False,
) -> None:
    """Look a gene or a task up in a trained model: levels, regulators, and where they act.

    `decode atlas --out atlas.html` makes one page of all genes that works from disk; a killed run goes on.
    """
    from decode.core.checks import check_count
    from decode.core.files import check_output_folder, run_record
    from decode.registry.defaults import default_entry

    if top is not None:
        check_count("--top", top)
    is_page = out is not None and out.suffix.lower() in PAGE_SUFFIXES
    _check_options(gene, task, targets, out, source, is_page=is_page)
    if model is None:
        logger.info("no --model: %s of the package is taken", default_entry("model"))
    named = str(model or default_entry("model"))
    if is_page and out is not None:
        _write_page(out, named, features or default_entry("features"), targets, top, source, force=force)
        return
    top = 10 if top is None else top
    model = by_name(named, "model")
    summary = None if features is not None else _summary_of(model, gene, task, top)
    if summary is None:
        features = by_name(features or default_entry("features"), "features")
    record: dict[str, Any] = {}
    if out is not None:
        check_output_folder(out)
        inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
        inputs |= {"summary": model / SUMMARY} if features is None else {"features": features}
        inputs |= {} if targets is None else {"targets": targets}
        record = run_record(inputs=inputs, gene=gene, task=task, top=top)
        stop_if_finished(out, "atlas", record, force=force)
    if summary is not None:
        tables, text = _looked_up(summary, gene, task, targets, top)
    else:
        load_tensorflow()
        bundle, loaded = open_model(model), open_features(Path(str(features)))
        if gene is None:
            tables, text = _of_task(bundle, loaded, str(task), top)
        else:
            tables, text = _of_gene(bundle, loaded, gene, task, targets, top)
    if out is not None:
        from decode.report.files import write_run

        write_run(out, "atlas", tables=tables, record=record, force=force)
    typer.echo(text)


def _check_options(
    gene: str | None, task: str | None, targets: Path | None, out: Path | None, source: str | None, *, is_page: bool
) -> None:
    if is_page and not (gene is None and task is None):
        raise ValueError("a page holds all genes and tasks; leave GENE and --task out, or name a folder with --out")
    if source is not None and (not is_page or targets is None):
        raise ValueError(
            "--source says on a page where the values of --targets come from; give both, and --out PAGE.html"
        )
    if is_page:
        return
    if gene is None and task is None:
        if out is not None:
            raise ValueError(f"a page of all genes is an HTML file; name it, for example --out {out}.html")
        raise ValueError("nothing is asked for; name a gene, or a task with --task (for example: decode atlas SPI1)")
    if gene is None and targets is not None:
        raise ValueError("--targets shows measured values of a gene; name the gene, or leave --targets out")


def _write_page(
    out: Path,
    named: str,
    features: Path | str,
    targets: Path | None,
    top: int | None,
    source: str | None,
    *,
    force: bool,
) -> None:
    from decode.core.files import check_output, run_record
    from decode.core.resume import remove_work_folder

    check_output(out)
    model, features_path = by_name(named, "model"), by_name(features, "features")
    inputs: dict[str, str | Path] = {"model": model / "bundle.json", "features": features_path}
    inputs |= {} if targets is None else {"targets": targets}
    record = run_record(inputs=inputs, top=top, source=source)
    stop_if_finished(out, "atlas", record, force=force, beside=True)
    load_tensorflow()
    from decode.expression.targets import read_targets
    from decode.registry.store import find_entry, registered
    from decode.regulators.atlas_data import N_TOP, gather_atlas
    from decode.report.atlas_page import AtlasSource, atlas_page
    from decode.report.files import write_files

    bundle, loaded = open_model(model), open_features(features_path)
    measured = None if targets is None else read_targets(targets)
    work = take_work_folder(out)
    with bar("atlas") as advance:
        data = gather_atlas(
            bundle, loaded, work=work, targets=measured, n_top=N_TOP if top is None else top,
            on_block=lambda _, done, total: advance(done, total),
        )  # fmt: skip
    is_named = not Path(named).exists() and named in registered()
    page = atlas_page(
        data,
        AtlasSource(
            model=named if is_named else model.name,
            features=str(features) if features_path != Path(features) else features_path.name,
            model_sha256=record["inputs"]["model"]["sha256"],
            seeds=", ".join(map(str, bundle.seeds)),
            versions=", ".join(f"{name} {number}" for name, number in bundle.versions.items()),
            entry=find_entry(named).entry if is_named else None,
            measured="" if targets is None else targets.name,
            measured_source=source or "",
        ),
    )
    write_files("atlas", {out: page}, record=record, force=force)
    remove_work_folder(work)
    typer.echo(
        f"{out}: {len(data.genes):,} genes, {len(data.tasks)} tasks, {len(page.encode()) / 1e6:.1f} MB; "
        "open it in a browser"
    )


def _summary_of(model: Path, gene: str | None, task: str | None, top: int) -> AttributionSummary | None:
    """The summary beside a model, where it has one that holds what is asked for."""
    from decode.registry.summary import read_summary
    from decode.regulators.atlas_summary import can_look_up

    if not (model / SUMMARY).is_file():
        return None
    summary = read_summary(model / SUMMARY)
    if gene is None or can_look_up(summary, task=task, n_top=top):
        return summary
    logger.info("the summary of the model holds fewer than %d regulators%s: computed from the features", top,
                " a gene" if task is None else " of a gene in a task")  # fmt: skip
    return None


def _looked_up(
    summary: AttributionSummary, gene: str | None, task: str | None, targets: Path | None, top: int
) -> tuple[dict[str, Any], str]:
    from decode.expression.targets import read_targets
    from decode.regulators.atlas_summary import gene_in_summary, task_in_summary
    from decode.report.atlas import gene_text, task_text

    if gene is None:
        ranking = task_in_summary(summary, str(task))
        return {"regulators.tsv": ranking}, task_text(ranking, str(task), top)
    measured = None if targets is None else read_targets(targets)
    view = gene_in_summary(summary, gene, task=task, targets=measured, n_top=top)
    return _tables(view), gene_text(view)


def _tables(view: GeneView) -> dict[str, Any]:
    return {"tasks.tsv": view.tasks, "regulators.tsv": view.regulators, "places.tsv": view.places}


def _of_task(bundle: Any, features: Any, task: str, top: int) -> tuple[dict[str, Any], str]:
    from decode.attribution.attribute import attribute
    from decode.core.checks import check_named
    from decode.ranking.rank import rank_regulators, regulator_scores
    from decode.report.atlas import task_text

    check_named("task(s)", [task], bundle.tasks, "the model")
    ranking = rank_regulators(regulator_scores(attribute(bundle, features, part="test", agreement_genes=0)))
    return {"regulators.tsv": ranking[ranking["task"] == task]}, task_text(ranking, task, top)


def _of_gene(
    bundle: Any, features: Any, gene: str, task: str | None, targets: Path | None, top: int
) -> tuple[dict[str, Any], str]:
    from decode.expression.targets import read_targets
    from decode.regulators.atlas import look_up_gene
    from decode.report.atlas import gene_text

    measured = None if targets is None else read_targets(targets)
    view = look_up_gene(bundle, features, gene, task=task, targets=measured, n_top=top)
    return _tables(view), gene_text(view)
