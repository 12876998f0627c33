"""decode landmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import label_of, load_tensorflow
from decode.cli.options import Executor, Force
from decode.cli.outputs import stop_if_finished, take_work_folder
from decode.cli.progress import bar, epochs
from decode.core import choices

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(no_args_is_help=True, help="Landmark genes: few genes that carry most of the transcriptome.")
AutoencoderFolder = Annotated[Path, typer.Argument(help="Autoencoder (decode landmark train).")]
Prepared = Annotated[Path, typer.Argument(help="Prepared profiles (decode landmark prepare).")]
Matrix = Annotated[Path, typer.Argument(help="Expression matrix: GCTX, HDF5, npz, GCT, TSV or CSV.")]
ExpressionScale = Annotated[
    choices.ExpressionScale, typer.Option("--scale", help="Unit of the values; auto: above 64 is linear.")
]
ProbeMap = Annotated[
    list[Path] | None,
    typer.Option(help="Table probe, gene_id (, gene_name), or a list of D-GEX; may be given more than once."),
]
Labels = Annotated[Path | None, typer.Option(help="Table of samples, one row each, with a header.")]
SampleColumn = Annotated[str | None, typer.Option(help="Column of --labels that names the samples; default the first.")]
Seed = Annotated[int, typer.Option(help="Seed.")]


def _sample_table(labels: Path | None, names: list[str], column: str | None) -> pd.DataFrame | None:
    from decode.expression.samples import read_samples

    return None if labels is None else read_samples(labels, names, sample_column=column)


@app.command()
def prepare(
    matrix: Matrix,
    out: Annotated[Path, typer.Option(help="Prepared profiles (.h5).")],
    scale: ExpressionScale = "auto",
    probe_map: ProbeMap = None,
    labels: Labels = None,
    sample_column: SampleColumn = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column of --labels whose groups (studies) stay on one side of the split.")
    ] = None,
    keep_duplicates: Annotated[bool, typer.Option("--keep-duplicates", help="Do not look for copies.")] = False,
    max_distance: Annotated[float, typer.Option(help="Distance below which two samples are copies.")] = 1.0,
    validation_share: Annotated[float, typer.Option(help="Share of samples for validation.")] = 0.1,
    test_share: Annotated[float, typer.Option(help="Share of samples held out.")] = 0.1,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Normalise the profiles of many samples and split the samples."""
    from decode.core.checks import counted
    from decode.core.files import check_output, run_record
    from decode.landmark.prepare import prepare_expression
    from decode.landmark.sources import open_samples
    from decode.report.files import recorded, with_counts, write_record

    check_output(out)
    inputs: dict[str, str | Path] = {"matrix": matrix}
    inputs |= {f"probe_map_{i}": path for i, path in enumerate(probe_map or [])} | (
        {"labels": labels} if labels else {}
    )
    record = run_record(
        inputs=inputs, scale=scale, group_column=group_column, sample_column=sample_column,
        deduplicate=not keep_duplicates, max_distance=max_distance, validation_share=validation_share,
        test_share=test_share, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "landmark prepare", record, force=force, beside=True)
    with open_samples(matrix) as source, recorded(out, "landmark prepare", record=record, finished=False):
        found = prepare_expression(
            source, out=out, scale=scale, probe_map=probe_map or None,
            labels=_sample_table(labels, source.sample_ids, sample_column), group_column=group_column,
            deduplicate=not keep_duplicates, max_distance=max_distance, validation_share=validation_share,
            test_share=test_share, seed=seed,
        )  # fmt: skip
    found.close()
    write_record(out, "landmark prepare", [out], record=with_counts(record, found.counts))
    typer.echo(counted(found.counts))


@app.command()
def train(
    prepared: Prepared,
    out: Annotated[Path, typer.Option(help="Folder of the autoencoder.")],
    bottleneck: Annotated[int, typer.Option(help="Nodes of the bottleneck.")] = 100,
    hidden: Annotated[int, typer.Option(help="Nodes of the layers beside it.")] = 500,
    epochs_: Annotated[int, typer.Option("--epochs", help="Epochs; more where samples are few.")] = 100,
    batch_size: Annotated[int, typer.Option(help="Largest batch.")] = 128,
    min_updates: Annotated[int, typer.Option(help="Least number of steps; 0: exactly --epochs.")] = 2000,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 1e-3,
    members: Annotated[int, typer.Option(help="Networks from different seeds.")] = 1,
    seed: Seed = 0,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """Train the autoencoder on the training samples."""
    load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.landmark.autoencoder import AutoencoderConfig, save_autoencoder
    from decode.landmark.autoencoder_fit import train_autoencoder
    from decode.landmark.prepared import open_prepared
    from decode.report.files import save_figure, with_counts, write_folder
    from decode.report.landmark import training_figure

    check_output_folder(out)
    config = AutoencoderConfig(
        hidden=hidden, bottleneck=bottleneck, epochs=epochs_, batch_size=batch_size, min_updates=min_updates,
        learning_rate=learning_rate, members=members, seed=seed,
    )  # fmt: skip
    record = run_record(inputs={"prepared": prepared}, **config.to_json())
    stop_if_finished(out, "landmark train", record, force=force, beside=True)
    with open_prepared(prepared) as profiles, epochs(members) as on_epoch:
        made = train_autoencoder(profiles, config, out=out, on_epoch=on_epoch, executor=executor)

    def write(folder: Path) -> None:
        save_autoencoder(made, folder)
        for suffix in (".png", ".svg"):
            save_figure(training_figure(made.history), folder / f"history{suffix}")

    write_folder(out, "landmark train", write, record=with_counts(record, made.counts))
    remove_work_folder(work_folder(out))
    for part, found in made.metrics.items():
        typer.echo(
            f"{part}: gene MAE {found['mean_mae']:.4f}, PCC {found['mean_pcc']:.4f} ({found['n_samples']:.0f} samples)"
        )


@app.command()
def select(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="[AE] PREPARED", help="Autoencoder (only deeplift reads it), and prepared profiles."),
    ],
    out: Annotated[Path, typer.Option(help="Panel (.tsv).")],
    size: Annotated[int, typer.Option(help="Genes of the panel.")] = 943,
    method: Annotated[
        choices.SelectionMethod, typer.Option(help="How genes are chosen; only deeplift reads the autoencoder.")
    ] = "deeplift",
    repeats: Annotated[int, typer.Option(help="Choices on bootstrap samples, for the stability.")] = 0,
    max_samples: Annotated[int | None, typer.Option(help="So many training samples at most.")] = None,
    all_scores: Annotated[
        Path | None, typer.Option(help="Also write the scores of all genes (.tsv or .tsv.gz).")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Choose landmark genes.

    `select AE PREPARED` explains an autoencoder; `select PREPARED --method greedy` needs none.
    """
    autoencoder, prepared = _autoencoder_and_profiles(inputs, method)
    if method in ("deeplift", "concrete"):
        load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.landmark.autoencoder import load_autoencoder
    from decode.landmark.prepared import open_prepared
    from decode.landmark.selection import select_panel
    from decode.report.files import with_counts, write_files

    check_output(out)
    read: dict[str, str | Path] = {"prepared": prepared}
    read |= {} if autoencoder is None else {"autoencoder": autoencoder / "autoencoder.json"}
    record = run_record(
        inputs=read, method=method, size=size, repeats=repeats, max_samples=max_samples, seed=seed
    )  # fmt: skip
    stop_if_finished(out, "landmark select", record, force=force, beside=True)
    model = None if autoencoder is None else load_autoencoder(autoencoder)
    with open_prepared(prepared) as profiles, bar("samples") as advance:
        panel = select_panel(
            profiles, method=method, size=size, seed=seed, repeats=repeats, autoencoder=model, max_samples=max_samples,
            work=take_work_folder(out), on_progress=advance,
        )  # fmt: skip
    files: dict[Path, Any] = {out: panel.table} | ({all_scores: panel.scores} if all_scores else {})
    write_files("landmark select", files, record=with_counts(record, panel.counts), force=force)
    remove_work_folder(work_folder(out))
    overlap = panel.counts.get("mean_overlap")
    shared = (
        ""
        if overlap is None
        else f"; two repeats share {overlap:.0%} (by chance {panel.counts['overlap_by_chance']:.0%})"
    )
    typer.echo(f"{len(panel.table)} of {panel.counts['n_genes']} genes by {method}{shared}")


def _autoencoder_and_profiles(inputs: list[Path], method: str) -> tuple[Path | None, Path]:
    """The autoencoder where the method reads it, and the prepared profiles."""
    if len(inputs) > 2:
        raise ValueError(f"{inputs[2]} is one argument too many; give an autoencoder and prepared profiles")
    if method != "deeplift":
        return None, inputs[-1]
    if len(inputs) < 2:
        raise ValueError(
            "method deeplift explains an autoencoder; give its folder before the prepared profiles (decode landmark "
            "train), or choose a method that needs none, such as --method greedy"
        )
    return inputs[0], inputs[1]


@app.command()
def embed(
    autoencoder: AutoencoderFolder,
    samples: Matrix,
    out: Annotated[Path, typer.Option(help="Table of samples x nodes (.tsv).")],
    labels: Labels = None,
    sample_column: SampleColumn = None,
    label_column: Annotated[str | None, typer.Option(help="Column of --labels to judge by; default the first.")] = None,
    scale: ExpressionScale = "auto",
    probe_map: ProbeMap = None,
    member: Annotated[int, typer.Option(help="Which network.")] = 0,
    force: Force = False,
) -> None:
    """Put samples through the bottleneck; with labels, judge it beside principal components."""
    load_tensorflow()
    from decode.core.files import check_output, run_record
    from decode.landmark.autoencoder import load_autoencoder
    from decode.landmark.embedding import compare_spaces, embed_samples
    from decode.landmark.probes import read_probe_map
    from decode.landmark.sources import open_samples
    from decode.report.files import with_counts, write_files
    from decode.report.landmark import embedding_figure, tree_figure

    check_output(out)
    inputs: dict[str, str | Path] = {"autoencoder": autoencoder / "autoencoder.json", "samples": samples}
    inputs |= {f"probe_map_{i}": path for i, path in enumerate(probe_map or [])} | (
        {"labels": labels} if labels else {}
    )
    record = run_record(
        inputs=inputs, scale=scale, member=member, label_column=label_column, sample_column=sample_column
    )
    stop_if_finished(out, "landmark embed", record, force=force, beside=True)
    model = load_autoencoder(autoencoder)
    with open_samples(samples) as source:
        table = _sample_table(labels, source.sample_ids, sample_column)
        found = embed_samples(
            model, source, member=member, scale=scale, probe_map=read_probe_map(probe_map) if probe_map else None
        )
    files: dict[Path, Any] = {out: found.table}
    if table is not None:
        groups = label_of(table, label_column)
        judged = compare_spaces(found.spaces, groups)
        stem = out.name.removesuffix(".gz").removesuffix(".tsv")
        files[out.with_name(f"{stem}.groups.tsv")] = judged
        for suffix in (".png", ".svg"):
            files[out.with_name(f"{stem}.plane{suffix}")] = embedding_figure(found.spaces, groups, judged)
            files[out.with_name(f"{stem}.tree{suffix}")] = tree_figure(found.spaces["bottleneck"], groups)
        typer.echo(judged.to_string(index=False, float_format="%.3f"))
    write_files("landmark embed", files, record=with_counts(record, found.counts), force=force)
