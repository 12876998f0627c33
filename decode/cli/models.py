"""decode models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decode.cli.options import Executor, Force, Part
from decode.cli.progress import bar

if TYPE_CHECKING:
    from decode.registry.store import Listed

app = typer.Typer(no_args_is_help=True, help="Trained models and features by name: list, look at, fetch, publish.")
Name = Annotated[str, typer.Argument(help="A name of `decode models list`.")]


@app.command("list")
def list_entries() -> None:
    """What can be had by name: of the package, and of the registry that DECODE_REGISTRY names."""
    from decode.registry.store import registered

    found = registered()
    if not found:
        typer.echo("nothing is listed; DECODE_REGISTRY names the registry of a lab (a JSON file or its address)")
    width = max((len(name) for name in found), default=0)
    for name, listed in found.items():
        entry = listed.entry
        what = f"{entry.n_genes:,} {entry.level}s, {entry.n_tracks} tracks"
        if entry.kind == "model":
            what = f"{len(entry.tasks)} task{'' if len(entry.tasks) == 1 else 's'}, {what}"
        size = f"{entry.size / 1e6:.1f} MB"
        typer.echo(f"{name:{width}}  {entry.kind:8}  {entry.build:6}  {what}, {size}; {entry.predicts}")


@app.command()
def info(name: Name) -> None:
    """The card of an entry: what it predicts, from which data under which licences, how well, and where it lies."""
    from decode.registry.store import find_entry

    typer.echo(_card(find_entry(name)))


@app.command()
def get(name: Name) -> None:
    """Fetch an entry into the cache, once, and print the path of its files."""
    from decode.registry.store import get as fetch

    with bar(name) as advance:
        path = fetch(name, progress=advance)
    typer.echo(path)


@app.command()
def verify(name: Name) -> None:
    """Check an entry's files against the registry, fetching what is absent or damaged, and open it."""
    from decode.registry.open import load_features, load_pretrained
    from decode.registry.store import find_entry

    entry = find_entry(name).entry
    with bar(name) as advance:
        if entry.kind == "model":
            from decode.cli.inputs import load_tensorflow

            load_tensorflow()
            load_pretrained(name, progress=advance)
        else:
            load_features(name, progress=advance)
    typer.echo(f"{name}: {len(entry.files)} file(s) as the registry says; it opens")


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="Model bundle (decode train) or features file (decode features build).")],
    name: Annotated[str, typer.Option(help="Its name in the registry.")],
    card: Annotated[
        Path, typer.Option(help="JSON: description, predicts, licence, training_data [{name, source, licence}].")
    ],
    registry: Annotated[Path, typer.Option(help="The registry's JSON; made if absent. Files go beside it.")],
    evaluation: Annotated[
        Path | None, typer.Option(help="metrics.json of decode evaluate: figures and baselines of the card.")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Of a model: summary of decode models summarise, for decode atlas.")
    ] = None,
    force: Force = False,
) -> None:
    """Put a model or a features file, with its card, into a registry of your own."""
    from decode.core.files import check_output, read_json_object
    from decode.registry.publish import add_entry, read_card

    check_output(registry)
    judged = None if evaluation is None else read_json_object(evaluation, "evaluation")
    if path.is_dir():
        from decode.cli.inputs import load_tensorflow

        load_tensorflow()
    entry = add_entry(path, registry, name, card=read_card(card), evaluation=judged, summary=summary, force=force)
    typer.echo(
        f"{entry.name}: {len(entry.files)} file(s), {entry.size / 1e6:.1f} MB, beside {registry}; "
        f"use it with DECODE_REGISTRY={registry.resolve()}"
    )


@app.command()
def summarise(
    model: Annotated[Path, typer.Argument(help="Model bundle, or a name.")],
    features: Annotated[Path, typer.Argument(help="Features file, or a name; its genes are explained.")],
    out: Annotated[Path, typer.Option(help="summary.npz; beside a model (in its folder), decode atlas finds it.")],
    part: Part = "test",
    n_top: Annotated[int, typer.Option(help="Regulators kept of a gene in a task.")] = 2,
    n_leading: Annotated[int, typer.Option(help="Regulators kept of a gene.")] = 10,
    n_places: Annotated[int, typer.Option(help="Bins kept of each of these.")] = 2,
    executor: Executor = "threads",
    force: Force = False,
) -> None:
    """Explain every gene once, so that decode atlas looks it up: rankings, top regulators, and where they act."""
    from decode.cli.inputs import open_features, open_model
    from decode.core.files import check_output
    from decode.registry.summary import read_summary, write_summary
    from decode.regulators.summarise import is_summary_of
    from decode.regulators.summarise import summarise as make

    check_output(out)
    bundle, loaded = open_model(model), open_features(features)
    if out.exists() and not force:
        if is_summary_of(
            read_summary(out), bundle, loaded, part=part, n_top=n_top, n_leading=n_leading, n_places=n_places
        ):
            typer.echo(f"{out} is this very summary already; --force makes it anew")
            return
        raise FileExistsError(f"{out} is another summary; replace it with --force, or choose another --out")
    with bar("genes explained") as advance:
        made = make(
            bundle, loaded, part=part, n_top=n_top, n_leading=n_leading, n_places=n_places, executor=executor,
            on_genes=advance,
        )  # fmt: skip
    write_summary(made, out)
    typer.echo(f"{out}: {len(made.genes):,} genes, {len(made.tasks)} tasks, {out.stat().st_size / 1e6:.1f} MB")


def _card(listed: Listed) -> str:
    entry = listed.entry
    lines = [
        f"{entry.name} ({entry.kind}): {entry.description}",
        f"predicts   {entry.predicts}" if entry.kind == "model" else f"holds      {entry.predicts}",
        f"genes      {entry.n_genes:,} {entry.level}s, build {entry.build}",
        f"tracks     {entry.n_tracks:,}",
        f"licence    {entry.licence}",
    ]
    if entry.tasks:
        lines.append(f"tasks      {len(entry.tasks)}: {', '.join(entry.tasks)}")
    lines += [f"made from  {data.name}; {data.source}; {data.licence}" for data in entry.training_data]
    for metric in entry.metrics:
        beside = ", ".join(f"{name} {value:.3f}" for name, value in metric.baselines.items())
        beside = f" ({beside})" if beside else ""
        lines.append(f"accuracy   {metric.measure}, {metric.part}: {metric.value:.3f}{beside}")
    lines.append(f"lies at    {listed.place}")
    lines += [f"file       {name}  {file.size:,} bytes  sha256 {file.sha256}" for name, file in entry.files.items()]
    return "\n".join(lines)
