"""decode landmark enrich: which functions a panel of genes holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import read_panel
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished

app = typer.Typer()


@app.command()
def enrich(
    panel: Annotated[Path, typer.Argument(help="Panel (decode landmark select), or a list of genes, one a line.")],
    prepared: Annotated[Path, typer.Argument(help="Prepared profiles: all of their genes are the background.")],
    gene_sets: Annotated[Path, typer.Option(help="Gene sets (GMT), for example GO molecular functions.")],
    out: Annotated[Path, typer.Option(help="Table, a row a gene set (.tsv or .tsv.gz).")],
    min_size: Annotated[int, typer.Option(help="Least genes of a set in the background.")] = 5,
    max_size: Annotated[int, typer.Option(help="Most genes of a set in the background.")] = 500,
    force: Force = False,
) -> None:
    """Test which gene sets a panel holds more of than chance (hypergeometric)."""
    from decode.core.files import check_output, run_record
    from decode.landmark.panel_sets import enrich_panel
    from decode.landmark.prepared import open_prepared
    from decode.report.files import with_counts, write_files
    from decode.statistics.enrichment import read_gmt

    check_output(out)
    inputs: dict[str, str | Path] = {"panel": panel, "prepared": prepared, "gene_sets": gene_sets}
    record = run_record(inputs=inputs, min_size=min_size, max_size=max_size)
    stop_if_finished(out, "landmark enrich", record, force=force, beside=True)
    sets, genes = read_gmt(gene_sets), read_panel(panel)
    with open_prepared(prepared) as profiles:
        found = enrich_panel(
            genes, profiles.gene_ids, profiles.gene_names, sets, min_size=min_size, max_size=max_size
        )  # fmt: skip
    write_files("landmark enrich", {out: found.table}, record=with_counts(record, found.counts), force=force)
    n, counts = int((found.table["fdr"] < 0.05).sum()), found.counts
    typer.echo(
        f"{n} of {counts['n_gene_sets_tested']} gene sets at FDR < 5 %; {counts['n_selected_in_sets']} of "
        f"{counts['n_selected']} panel genes are in a set, {counts['n_background_in_sets']} of "
        f"{counts['n_background']} of the background"
    )
