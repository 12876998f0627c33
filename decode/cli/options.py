"""Arguments and options that several commands share, each with one meaning, and the forms that option values take."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from decode.cli.outputs import careful
from decode.cli.params import read_params, take_params
from decode.cli.progress import set_up_logging
from decode.core import choices

NETWORK, SPLIT, REGIONS, RUN = "Network and training", "Genes and split", "Annotation", "Every command"

Model = Annotated[
    Path, typer.Argument(help="Model bundle (decode train) or a name (decode models list); also as --model.")
]
Features = Annotated[Path, typer.Argument(help="Features file (decode features build) or a name; also as --features.")]
Targets = Annotated[Path, typer.Argument(help="Targets table (decode expression); also as --targets FILE (required).")]

Architecture = Annotated[
    choices.Architecture,
    typer.Option(help="default: what predicts best; paper: the published network.", rich_help_panel=NETWORK),
]
Keep = Annotated[
    choices.Keep,
    typer.Option(help="mean: average the members; best: keep the best on validation.", rich_help_panel=NETWORK),
]
Members = Annotated[int, typer.Option(help="Networks of an ensemble, from different seeds.", rich_help_panel=NETWORK)]
MaxEpochs = Annotated[
    int | None,
    typer.Option(
        help="Most epochs of a network, over which the learning rate runs its cycle; default 20, paper network 100.",
        rich_help_panel=NETWORK,
    ),
]
Patience = Annotated[
    int, typer.Option(help="Epochs without a better validation loss before stopping.", rich_help_panel=NETWORK)
]
Biosamples = Annotated[
    str | None,
    typer.Option(help="Only tracks of these cell lines (and tracks without one), comma-separated."),
]
TestChromosome = Annotated[str, typer.Option(help="Chromosome(s) held out whole.", rich_help_panel=SPLIT)]
GroupFile = Annotated[
    Path | None,
    typer.Option(help="gene_id<TAB>family: families stay on one side of the split.", rich_help_panel=SPLIT),
]
SplitBy = Annotated[
    choices.SplitBy,
    typer.Option(
        help="transcript: validation transcripts at random, as published; leaks between isoforms.",
        rich_help_panel=SPLIT,
    ),
]
Part = Annotated[choices.Part, typer.Option(help="Genes to take, by the model's split.", rich_help_panel=SPLIT)]
TissueGroups = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|gtex",
        help="task<TAB>group: tasks of a group are not independent; gtex: all brain regions are one group, and so on.",
    ),
]
Against = Annotated[
    list[str] | None, typer.Option(help="Further model of the same table, NAME=MODEL, e.g. paper=model_paper.")
]
Reference = Annotated[
    choices.ReferenceName, typer.Option(help="What a gene is compared with; the first two are without sites.")
]
Matched = Annotated[int, typer.Option(help="Genes that a reference of matched_genes is the mean of.")]
EXECUTOR = typer.Option(help="Where the work is done: serial, threads, threads:N, or a Dask scheduler tcp://host:port.")
Executor = Annotated[str, EXECUTOR]
ExecutorIfGiven = Annotated[str | None, EXECUTOR]  # where the default depends on another option
IdMap = Annotated[
    Path | None,
    typer.Option(help="Names to gene ids: two columns, name and gene id, or the HGNC complete set."),
]
Annotation = Annotated[
    Path | None,
    typer.Option(help="Annotation of the features: puts bins on RNA on the genome.", rich_help_panel=REGIONS),
]
Representative = Annotated[
    choices.Representative,
    typer.Option(
        help="Which transcript stands for a gene; for finished features, as they were built.", rich_help_panel=REGIONS
    ),
]
Sizes = Annotated[
    Path | None,
    typer.Option(help="Chromosome sizes (name<TAB>length) of another genome.", rich_help_panel=REGIONS),
]

TaskKind = Annotated[
    choices.ChosenTaskKind | None,
    typer.Option(help="What the columns of the targets but median_level are; default: fold_change."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a finished output.", rich_help_panel=RUN)]

NAMED = {
    "model": Annotated[Path | None, typer.Option("--model", hidden=True)],
    "features": Annotated[Path | None, typer.Option("--features", hidden=True)],
    "targets": Annotated[Path | None, typer.Option("--targets", hidden=True)],
}  # arguments that may be given by name too
Debug = Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.", rich_help_panel=RUN)]
ParamsFile = Annotated[
    Path | None,
    typer.Option(
        "--params",
        metavar="FILE",
        is_eager=True,
        callback=take_params,
        help="YAML file of options, name: value, paths from the working folder; the command line goes first.",
        rich_help_panel=RUN,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.", rich_help_panel=RUN)]


def pairs(
    option: str, values: Iterable[str] | None, form: str = "KIND=VALUE, for example TF=peaks.bed.gz"
) -> list[tuple[str, str]]:
    """Split arguments of the form KEY=VALUE; `form` says in an error what is wanted.

    Examples
    --------
    >>> pairs("--promoter-sites", ["TF=peaks.bed"])
    [('TF', 'peaks.bed')]
    """
    split = []
    for value in values or []:
        key, sign, rest = value.partition("=")
        if not sign or not key or not rest:
            raise ValueError(f"{option} is {value!r}; write {form}")
        split.append((key, rest))
    return split


def comma_list(text: str | None) -> list[str] | None:
    """Split a comma-separated option; None stays None.

    Examples
    --------
    >>> comma_list("K562, HepG2")
    ['K562', 'HepG2']
    """
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def chosen_contrasts(given: Sequence[str] | None, known: Sequence[str]) -> list[str] | None:
    """Contrasts that were asked for: a text that is the name of one is that one, another is split at its commas.

    Examples
    --------
    >>> chosen_contrasts(["T cells, CD4+", "B cells,NK"], ["T cells, CD4+", "B cells", "NK"])
    ['T cells, CD4+', 'B cells', 'NK']
    """
    if not given:
        return None
    names = [[text.strip()] if text.strip() in known else comma_list(text) or [] for text in given]
    return list(dict.fromkeys(name for some in names for name in some))


def with_common_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--params`, `--quiet` and `--debug`, and with MODEL, FEATURES and TARGETS also by name.

    `decode train FEATURES TARGETS` may be written `decode train TARGETS --features FEATURES`: paths given without a
    name fill, in their order, the arguments that were not named; what is then missing comes from the file of
    `--params`.

    Raises
    ------
    ValueError
        When the command is called, if such an argument is missing or given twice.
    """
    hints = get_type_hints(command, include_extras=True)
    given = [item.replace(annotation=hints[name]) for name, item in inspect.signature(command).parameters.items()]
    paths = [item.name for item in given if item.default is item.empty and _is_argument(item)]
    named = [name for name in paths if name in NAMED]
    if named:
        given = [
            item.replace(annotation=_optional(item), default=None) if item.name in paths else item for item in given
        ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    given = [item.replace(kind=keyword) for item in given]
    given += [inspect.Parameter(f"named_{name}", keyword, default=None, annotation=NAMED[name]) for name in named]
    given += [inspect.Parameter("params", keyword, default=None, annotation=ParamsFile)]
    given += [inspect.Parameter("quiet", keyword, default=False, annotation=Quiet)]
    given += [inspect.Parameter("debug", keyword, default=False, annotation=Debug)]

    @wraps(command)
    def run(*, quiet: bool, debug: bool, params: Path | None = None, **options: Any) -> None:
        from decode.core.files import options_from

        set_up_logging(quiet=quiet, debug=debug)
        by_name = {name: options.pop(f"named_{name}") for name in named}
        if named:
            of_file = {} if params is None else {k: v for k, v in read_params(params).items() if k in paths}
            options |= _filled(paths, [options[name] for name in paths], by_name, of_file)
        for name in ("model", "features"):
            if isinstance(options.get(name), Path):
                options[name] = _found(options[name], name)
        with careful(options), options_from(params):
            command(**options)

    run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in given}
    return run


def _filled(
    paths: list[str], values: list[Path | None], by_name: dict[str, Path | None], of_file: Mapping[str, Any]
) -> dict[str, Path]:
    """Which path each argument gets."""
    chosen = {name: path for name, path in by_name.items() if path is not None}
    n_free = sum(path is not None for path in values)
    if n_free + len(set(chosen) | set(of_file)) <= len(paths):
        chosen = {name: Path(path) for name, path in of_file.items()} | chosen
    elif n_free + len(chosen) < len(paths):
        raise ValueError(
            f"{n_free} arguments beside those of --params ({', '.join(of_file)}) leave open which is which; "
            "give all of them on the command line, or as --model, --features and --targets"
        )
    free: Iterator[Path] = (path for path in values if path is not None)
    for name in paths:
        if name not in chosen:
            path = next(free, None)
            if path is None:
                also = f" or as --{name} PATH" if name in NAMED else ""
                raise ValueError(f"{name.upper()} is missing; give it as an argument{also} (see --help)")
            chosen[name] = path
    surplus = next(free, None)
    if surplus is not None:
        names = ", ".join(f"--{name}" for name, path in by_name.items() if path is not None)
        raise ValueError(f"{surplus} is one argument too many beside {names}; give each of them once")
    return chosen


def _found(path: Path, kind: Literal["model", "features"]) -> Path:
    """A path as it is, or the path of what has this name in a registry."""
    from decode.cli.inputs import by_name

    return by_name(path, kind)


def _is_argument(item: inspect.Parameter) -> bool:
    return any(type(extra).__name__ == "ArgumentInfo" for extra in getattr(item.annotation, "__metadata__", ()))


def _optional(item: inspect.Parameter) -> Any:
    """The annotation of an argument that may stand elsewhere on the line."""
    kind, (argument, *_) = item.annotation.__origin__, item.annotation.__metadata__
    return Annotated[kind | None, typer.Argument(help=argument.help, metavar=item.name.upper(), show_default=False)]
