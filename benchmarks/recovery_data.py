"""Data of the recovery benchmark: signatures of perturbations, the corpus with regulatory potentials, the lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.accuracy import DATA, SEPARATE, corpus_features
from decode.core.ids import resolve_ids
from decode.drivers.lines import Line, binding_line, coexpression_line, network_line
from decode.drivers.networks import read_network
from decode.drivers.universe import expressed_universe
from decode.expression.readers import read_expression
from decode.expression.signatures import read_signatures

Float = NDArray[np.float64]
HALF_DISTANCE_BP = 10_000
REACH = 10  # half-distances
UNLICENSED = ("collectri", "gtex_aracne", "archs4", "remap")  # lists for measuring only


class Signatures(NamedTuple):
    """Perturbation experiments whose regulator is known; the perturbed gene itself is taken out.

    Attributes
    ----------
    table : pd.DataFrame
        signature_id, regulator, source (GEO series).
    changes : pd.DataFrame
        gene id x signature: 1, -1 (where the file has signs) and 0.
    """

    table: pd.DataFrame
    changes: pd.DataFrame


class Corpus(NamedTuple):
    """What all methods share: genes, their expression, and the lines of evidence."""

    features: Any
    genes: pd.DataFrame
    level: pd.Series
    universe: list[str]
    tissues: pd.DataFrame
    tumours: pd.DataFrame
    cohorts: pd.Series
    cell_lines: pd.DataFrame


def read_corpus() -> Corpus:
    """The corpus features with regulatory potentials, and the expression tables."""
    features = with_potential(corpus_features(SEPARATE))
    genes = features.genes[["gene_id", "gene_name"]].reset_index(drop=True)
    symbols = genes["gene_name"].astype(str).str.upper()
    is_shared = symbols.duplicated(keep=False)  # signatures of symbols cannot name these genes
    genes["gene_name"] = symbols.mask(is_shared, genes["gene_id"])
    tissues = (read_expression(DATA / "expression" / "hpa_gtex_tissue_tpm.tsv.gz") + 1).apply(np.log2)
    cell_lines = (read_expression(DATA / "evidence" / "hpa_cell_lines_tpm.tsv.gz") + 1).apply(np.log2)
    folder = DATA / "individuals"
    packed = np.load(folder / "tcga_rnaseq350_rsem.npz")
    meta = pd.read_csv(folder / "tcga_rnaseq350_rsem_meta.tsv", sep="\t").set_index("barcode")
    tumours = pd.DataFrame(np.log2(packed["X"].T + 1), index=packed["genes"].astype(str), columns=meta.index)
    known = tissues.reindex(genes["gene_id"])
    shared = set(genes.loc[is_shared, "gene_id"])
    universe = [gene for gene in expressed_universe(features, tissues) if gene not in shared]
    return Corpus(features, genes, known.mean(axis=1), universe, tissues, tumours, meta["cohort"], cell_lines)


def with_potential(features: Any) -> Any:
    """The features with the regulatory potential of the TF sites by cell line as a further region."""
    from decode.features.matrix import RegionMatrix

    path = DATA / "hg19" / "tf_chip_encode_by_cell.bed.gz"
    columns = ["chrom", "start", "end", "regulator", "biosample"]
    sites = pd.read_csv(path, sep="\t", header=None, usecols=[0, 1, 2, 3, 6], names=columns)
    names, code = np.unique(sites["regulator"] + "|" + sites["biosample"], return_inverse=True)
    total = potential(features.genes, sites, code, len(names))
    offsets, lengths = np.arange(len(total) + 1, dtype=np.int64), np.ones(len(total), dtype=np.int32)
    region = RegionMatrix("potential", sparse.csr_array(total.astype(np.float32)), offsets, lengths)
    split = [name.split("|") for name in names]
    tracks = pd.DataFrame({"region": "potential", "kind": "TF", "regulator": [one[0] for one in split]})
    tracks = tracks.assign(biosample=[one[1] for one in split], value_kind="potential")
    tracks["n_bound_genes"] = (total > 0).sum(axis=0)
    return replace(
        features,
        regions={**features.regions, "potential": region},
        tracks=pd.concat([features.tracks, tracks], ignore_index=True),
    )


def potential(genes: pd.DataFrame, sites: pd.DataFrame, code: NDArray[np.int64], n_tracks: int) -> Float:
    """Sum over the sites of a track of 2^(-distance of the site's middle to the TSS / half-distance), gene x track."""
    total = np.zeros((len(genes), n_tracks))
    middle, chrom = ((sites["start"] + sites["end"]) // 2).to_numpy(), sites["chrom"].to_numpy()
    for name, part in genes.reset_index(drop=True).groupby("chrom"):
        here = np.flatnonzero(chrom == name)
        here = here[np.argsort(middle[here], kind="stable")]
        at, of = middle[here], code[here]
        low = np.searchsorted(at, part["tss"] - REACH * HALF_DISTANCE_BP)
        high = np.searchsorted(at, part["tss"] + REACH * HALF_DISTANCE_BP, "right")
        for row, tss, first, last in zip(part.index, part["tss"], low, high, strict=True):
            weight = np.exp2(-np.abs(at[first:last] - tss) / HALF_DISTANCE_BP)
            total[row] = np.bincount(of[first:last], weight, n_tracks)
    return total


def networks(*, is_open: bool) -> dict[str, pd.DataFrame]:
    """DoRothEA A to C; with `is_open` false the lists of unclear licence too."""
    found = {"dorothea": read_network(DATA / "regulators" / "dorothea_abc.tsv.gz")}
    for name in () if is_open else UNLICENSED:
        path = DATA / "evidence" / f"{name}.tsv.gz"
        if path.exists():
            found[name] = _upper(read_network(path))
    return found


def lines_of(corpus: Corpus, regulators: pd.DataFrame, *, with_binding: bool) -> list[Line]:
    """All lines; those of `UNLICENSED` networks last."""
    common = (corpus.genes, regulators)
    lines = [
        coexpression_line(corpus.tissues, *common, name="coexpression_tissues", cube=True),
        coexpression_line(corpus.tumours, *common, name="coexpression_tumours", groups=corpus.cohorts),
        coexpression_line(corpus.cell_lines, *common, name="coexpression_cell_lines"),
    ]
    if with_binding:
        binding = binding_line(corpus.features)
        assert binding is not None
        lines.insert(0, binding)
    return lines + [
        network_line(edges, *common, name=f"network_{name}") for name, edges in networks(is_open=False).items()
    ]


def read_experiments(genes: pd.DataFrame) -> Signatures:
    """41 signatures of 17 TFs that have sites in the corpus."""
    folder = DATA / "perturbation"
    table = pd.read_csv(folder / "tf_signatures.tsv", sep="\t")[["signature_id", "regulator", "source"]]
    found = read_signatures(folder / "tf_signatures_genes.tsv.gz").statistic[table["signature_id"].tolist()]
    return _without_own(table, by_gene_id(found, genes), genes)


def read_background(genes: pd.DataFrame) -> Signatures:
    """674 signatures of 247 TFs outside the corpus; the names start with the TF and hold the series."""
    found = read_signatures(DATA / "evidence" / "background_signatures.tsv.gz").statistic
    table = pd.DataFrame({"signature_id": found.columns})
    table["regulator"] = table["signature_id"].str.split("_").str[0]
    table["source"] = table["signature_id"].str.extract(r"(GSE\d+)", expand=False)
    return _without_own(table, by_gene_id(found, genes), genes)


def by_gene_id(values: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Rows named by upper-case symbols (as Enrichr writes them) to the genes of the features, absent genes 0."""
    ids = resolve_ids([str(name).upper() for name in values.index], _upper_names(genes), on_ambiguous="count").ids
    named = values.set_axis(pd.Index(ids, dtype=object), axis=0)
    named = named[named.index.notna()]
    named = named[~named.index.duplicated()]
    return named.reindex(genes["gene_id"]).fillna(0.0)


def _without_own(table: pd.DataFrame, values: pd.DataFrame, genes: pd.DataFrame) -> Signatures:
    values = values.copy()
    names = genes["gene_name"].astype(str).str.upper().to_numpy()
    for signature, regulator in zip(table["signature_id"], table["regulator"], strict=True):
        values.loc[names == regulator.upper(), signature] = 0.0
    return Signatures(table, values)


def _upper_names(genes: pd.DataFrame) -> pd.DataFrame:
    return genes.assign(gene_name=genes["gene_name"].astype(str).str.upper())


def _upper(edges: pd.DataFrame) -> pd.DataFrame:
    return edges.assign(source=edges["source"].str.upper(), target=edges["target"].str.upper())
