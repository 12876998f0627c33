"""decode drivers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from decode.cli import driver_files as reading
from decode.cli import driver_options as given
from decode.cli.inputs import open_features, open_gene_models
from decode.cli.options import (
    Annotation,
    Biosamples,
    Executor,
    Force,
    IdMap,
    Representative,
    Sizes,
    chosen_contrasts,
    comma_list,
    pairs,
)
from decode.cli.outputs import stop_if_finished, take_work_folder


def drivers(
    de_table: given.DeTableFile = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for drivers.tsv, targets.tsv, sites.bed, figures and run record. Default: TABLE_drivers here."
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="Features file of `decode features build`, gene level, or a name. Default: ENCODE's sites, which the "
            "package brings along (tables go by gene, so that any genome build will do)."
        ),
    ] = None,
    up: given.Up = None,
    down: given.Down = None,
    signatures: given.Signatures = None,
    form: given.FormOption = "auto",
    gene_column: given.GeneColumn = None,
    column: given.ColumnRoles = None,
    contrasts: given.Contrasts = None,
    id_map: IdMap = None,
    skip_ambiguous: given.SkipAmbiguous = False,
    expression: given.Expression = None,
    samples: given.Samples = None,
    sample_column: given.SampleColumn = None,
    design: given.Design = None,
    compendium: given.Compendium = None,
    compendium_groups: given.CompendiumGroups = None,
    independent_genes: given.Independent = False,
    draws: given.Draws = None,
    biosamples: Biosamples = None,
    score: given.ScoreOption = "marginal",
    scale: given.ScaleOption = "normal_scores",
    direction_only: given.DirectionOnly = False,
    mean_expression: given.MeanExpression = None,
    covariates: given.Covariates = None,
    de_prior: given.DePrior = None,
    prior_covariate: given.PriorCovariate = False,
    min_genes: given.MinGenes = 30,
    model: given.ModelOption = None,
    coexpression: given.Coexpression = None,
    coexpression_tissues: given.Tissues = None,
    coexpression_groups: given.CoexpressionGroups = None,
    network: given.NetworkFile = None,
    background: given.Background = None,
    with_own_change: given.OwnChange = False,
    no_evidence: given.NoEvidence = False,
    sequence_specific: given.SequenceSpecific = None,
    full: given.Full = False,
    members: given.FullMembers = 3,
    full_refits: given.FullRefits = 20,
    executor: Executor = "serial",
    top: given.Top = None,
    targets: given.LeadingTargets = 50,
    annotation: Annotation = None,
    representative: Representative = "auto",
    sizes: Sizes = None,
    seed: Annotated[int, typer.Option(help="Seed of the null targets.")] = 0,
    force: Force = False,
) -> None:
    """Which TFs, RNA-binding proteins and miRNAs explain a differential expression table, where, and how surely."""
    from decode.core.files import check_output_folder, run_record
    from decode.core.resume import remove_work_folder, work_folder
    from decode.drivers.engine import DriversConfig
    from decode.drivers.explain import explain_table
    from decode.drivers.gather import EvidenceOptions
    from decode.drivers.prior import read_de_prior
    from decode.expression.signatures import read_signatures
    from decode.report.drivers import drivers_text, write_drivers

    out = check_output_folder(reading.default_out(de_table) if out is None else out)
    features = features or reading.default_features()
    files = reading.TableFiles(de_table, up, down, signatures, expression, samples, sample_column, design)
    reading.check_files(files, compendium, independent=independent_genes)
    if prior_covariate and de_prior is None:
        raise ValueError("--prior-covariate takes the DE prior as a covariate; name it with --de-prior FILE")
    if full and model is not None:
        raise ValueError("--full trains a network of its own; leave out --model, or leave out --full")
    options: dict[str, Any] = {
        "score": "joint" if model is not None and score == "marginal" else score,
        "scale": scale,
        "n_null": reading.DRAWS if draws is None else draws,
        "independent_genes": independent_genes,
        "seed": seed,
        "min_bound_genes": min_genes,
        "n_top": reading.TOP if top is None else top,
        "n_targets": targets,
        "prior_covariate": prior_covariate,
        "response": not direction_only,
    }
    config = DriversConfig(**options)
    named: dict[str, Path | None] = {**files._asdict(), "features": features, "id_map": id_map, "de_prior": de_prior}
    named |= {"mean_expression": mean_expression, "annotation": annotation, "sizes": sizes, "compendium": compendium}
    named |= {
        "covariates": covariates,
        "compendium_groups": compendium_groups,
        "background": background,
        "sequence_specific": sequence_specific,
    }
    named |= {"coexpression_groups": coexpression_groups, "model": None if model is None else model / "bundle.json"}
    for option, paths in (("coexpression", coexpression), ("tissues", coexpression_tissues), ("network", network)):
        named |= {f"{option}_{number}": path for number, path in enumerate(paths or ())}
    record = run_record(
        inputs={name: path for name, path in named.items() if isinstance(path, Path)},
        biosamples=biosamples,
        contrasts=contrasts,
        form=form,
        full=full,
        gene_column=gene_column,
        columns=column,
        skip_ambiguous=skip_ambiguous,
        sample_column=sample_column,
        design=design,
        representative=representative,
        members=members if full else None,
        full_refits=full_refits if full else None,
        with_own_change=with_own_change,
        no_evidence=no_evidence,
        **(options | {"n_null": draws, "n_top": top}),  # what was used stands in counts.json
    )
    stop_if_finished(out, "drivers", record, force=force)
    loaded = open_features(features)
    roles = dict(pairs("--column", column, "ROLE=NAME, for example statistic=lfc_mean"))
    explained = reading.read_table(files, loaded, form, gene_column, id_map, roles)
    correlation = explained.correlation
    if correlation is None:
        correlation = reading.open_compendium(compendium, compendium_groups, loaded, id_map)
    if len(explained.table.contrasts) > reading.MANY_CONTRASTS:
        config = replace(
            config,
            n_null=reading.DRAWS_OF_MANY if draws is None else draws,
            n_top=reading.TOP_OF_MANY if top is None else top,
        )
    engine = None
    if full:
        engine = reading.full_network(members, full_refits, take_work_folder(out), executor, seed)
    elif model is not None:
        engine = reading.frozen_body(model, loaded)
    genes = loaded.genes[["gene_id", "gene_name"]]
    result = explain_table(
        explained.table,
        loaded,
        config=config,
        correlation=correlation,
        id_map=id_map,
        skip_ambiguous=skip_ambiguous,
        biosamples=comma_list(biosamples),
        contrasts=chosen_contrasts(contrasts, explained.table.contrasts),
        prior=None if de_prior is None else read_de_prior(de_prior, genes, id_map),
        mean_expression=None if mean_expression is None else reading.median_level(mean_expression),
        gene_models=None if annotation is None else open_gene_models(annotation, loaded, representative, sizes),
        engine=engine,
        executor="serial" if full else executor,  # --full: one contrast after the other, its networks side by side
        covariates=None if covariates is None else reading.read_covariates(covariates, loaded, id_map),
        sequence_specific=sequence_specific,
        evidence=None
        if no_evidence
        else EvidenceOptions(
            coexpression=tuple(coexpression or ()),
            tissues=tuple(coexpression_tissues or ()),
            groups=None if coexpression_groups is None else reading.read_groups(coexpression_groups),
            networks=tuple(network or ()),
            background=None if background is None else read_signatures(background),
            with_own_change=with_own_change,
        ),
    )
    write_drivers(result, out, record=record, force=force)
    if full:
        remove_work_folder(work_folder(out))
    typer.echo(drivers_text(result))
