"""The original's feature tables and expression (Tasaki et al. 2020, DEcode's *.pkl) as the files that decode takes.

python -m data_prep.decode_files features --rna RBP=POSTAR.pkl --rna miRNA=TargetScan.pkl --promoter TF=GTRD.pkl \\
    --annotation gencode.v19.genes.v7.patched_contigs.gtf --out features.h5
python -m data_prep.decode_files expression expdata.pkl --out targets.tsv.gz

Beside each feature table lies NAME_feature_name.txt.gz, one name a line; the first is the mask: the bases of each bin.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from data_prep.inert_pickle import Inert, as_array, read_pickled_table
from decode.core.checks import check_unique, listed
from decode.core.files import check_output, open_text, sha256_of, write_table
from decode.core.ids import strip_version
from decode.features.matrix import RegulatoryFeatures
from decode.features.region import RegionMatrix
from decode.genome.annotation import Annotation, read_annotation
from decode.genome.site_files import KINDS

logger = logging.getLogger(__name__)

BIN_BP, UPSTREAM_BP, DOWNSTREAM_BP = 100, 2000, 1000
MOST_BINS = 100_000  # of a gene; the longest RNA has about 1,100
NAMES_SUFFIX = "_feature_name.txt.gz"
REGIONS = ("promoter", "rna")


@dataclass(frozen=True)
class Published:
    """One published feature table: bins of genes x (mask and regulators).

    Attributes
    ----------
    genes : list of str
    regulators : list of str
    offsets : int64 array, shape (n_genes + 1,)
    length_bp : int32 array, shape (n_bins,)
    bases : csr_array, shape (n_bins, n_regulators)
    """

    genes: list[str]
    regulators: list[str]
    offsets: NDArray[np.int64]
    length_bp: NDArray[np.int32]
    bases: sparse.csr_array


def read_published(path: Path) -> Published:
    """Read a feature table of the original; the mask gives the bases of each bin, bins of none at the end are left out.

    Raises
    ------
    FileNotFoundError
        If the table, or the list of names beside it, is not there.
    ValueError
        If it is no such table, or matrices and names do not fit together.
    """
    names = _names(path)
    table = read_pickled_table(path)
    if set(table.columns) != {"Name", "feature_vec"}:
        raise ValueError(f"{path} has the columns {listed(table.columns)}; Name and feature_vec are wanted")
    genes = strip_version([str(name) for name in table.cells["Name"]])
    check_unique(f"genes of {path}", genes)
    parts = [
        _bins(cell, len(names), f"{path}: {gene}") for gene, cell in zip(genes, table.cells["feature_vec"], strict=True)
    ]
    offsets = np.concatenate([[0], np.cumsum([part.shape[0] for part in parts])]).astype(np.int64)
    values = sparse.csr_array(sparse.vstack(parts))
    return Published(
        genes, names[1:], offsets, values[:, [0]].toarray().ravel().astype(np.int32), sparse.csr_array(values[:, 1:])
    )


def _names(path: Path) -> list[str]:
    beside = path.with_name(path.name.removesuffix(".pkl") + NAMES_SUFFIX)
    with open_text(beside, "list of feature names") as handle:
        names = [line.strip() for line in handle if line.strip()]
    check_unique(f"feature names in {beside}", names)
    return names


def _bins(cell: Any, n_names: int, where: str) -> sparse.csr_array:
    """Bins x names of one gene, whole numbers; the last bin goes where its mask is 0 (a length that 100 divides)."""
    state = cell.state if isinstance(cell, Inert) else None
    if not isinstance(state, dict) or not {"_shape", "data", "indices", "indptr"} <= set(state):
        raise ValueError(f"{where} holds no compressed sparse matrix")
    n_rows, n_bins = (int(size) for size in state["_shape"])
    data, indices, indptr = (as_array(state[key]) for key in ("data", "indices", "indptr"))
    fits = (
        n_rows == n_names
        and 0 < n_bins <= MOST_BINS
        and indptr.shape == (n_rows + 1,)
        and indptr[0] == 0
        and indptr[-1] == len(data) == len(indices)
        and (np.diff(indptr) >= 0).all()
        and (len(indices) == 0 or (indices.min() >= 0 and indices.max() < n_bins))
    )
    if not fits:
        raise ValueError(f"{where} holds a matrix of {n_rows} x {n_bins} that does not fit the {n_names} names")
    whole = np.rint(data)
    if not np.array_equal(whole, data) or (len(whole) and (whole.min() < 0 or whole.max() > np.iinfo(np.int16).max)):
        raise ValueError(f"{where} holds numbers that are no bases of a bin")
    matrix = sparse.csr_array((whole.astype(np.int32), indices, indptr), shape=(n_rows, n_bins)).T.tocsr()
    if matrix.nnz != len(whole) or not matrix.has_canonical_format:
        raise ValueError(f"{where} holds a bin of a regulator twice")
    last = n_bins - 1
    if last > 0 and matrix[[last], :].sum() == 0:
        matrix = matrix[:last]
    return sparse.csr_array(matrix)


def convert_features(tables: dict[str, list[tuple[str, Path]]], annotation: Annotation | None) -> RegulatoryFeatures:
    """Published tables of both regions as features.

    Parameters
    ----------
    tables : dict of str to list of (kind, path)
        By region: "promoter" and "rna".
    annotation : Annotation, optional
        Gives name, chromosome, strand and TSS of the genes; genes that it lacks are kept on the chromosome "unknown",
        and counted.

    Returns
    -------
    RegulatoryFeatures
        Genes that all tables hold, in the order of the first.

    Raises
    ------
    ValueError
        If tables of a region disagree about the bins of a gene, or share no gene.
    """
    read = {region: [(kind, path, read_published(path)) for kind, path in tables.get(region, [])] for region in REGIONS}
    everything = [published for parts in read.values() for _, _, published in parts]
    if not everything:
        raise ValueError("no feature table is given; name them with --promoter KIND=FILE and --rna KIND=FILE")
    shared = set.intersection(*(set(published.genes) for published in everything))
    genes = [gene for gene in everything[0].genes if gene in shared]
    if not genes:
        raise ValueError("the feature tables share no gene")
    regions, tracks, sources = {}, [], []
    for region, parts in read.items():
        if not parts:
            continue
        chosen = [(kind, path, _ordered(published, genes)) for kind, path, published in parts]
        first = chosen[0][2]
        for _, path, other in chosen[1:]:
            if not (np.array_equal(other.offsets, first.offsets) and np.array_equal(other.length_bp, first.length_bp)):
                raise ValueError(f"{path} has other bins than {chosen[0][1]}; both must be of one annotation")
        data = sparse.csr_array(sparse.hstack([published.bases for _, _, published in chosen]))
        data.sort_indices()
        regions[region] = RegionMatrix(region, data.astype(np.int16), first.offsets, first.length_bp)
        for kind, path, published in chosen:
            tracks.append(
                pd.DataFrame(
                    {
                        "region": region,
                        "kind": kind,
                        "regulator": published.regulators,
                        "n_bound_genes": _bound(published),
                    }
                )
            )
            sources.append({"path": str(path), "sha256": sha256_of(path), "kind": kind, "region": region, "counts": {}})
    length = np.add.reduceat(regions["rna"].bin_length_bp, regions["rna"].offsets[:-1]) if "rna" in regions else 0
    return RegulatoryFeatures(
        level="gene",
        genes=_genes(genes, length, annotation),
        tracks=pd.concat(tracks, ignore_index=True).assign(biosample="", value_kind="bases"),
        regions=regions,
        build="hg19",
        bin_size=BIN_BP,
        upstream=UPSTREAM_BP,
        downstream=DOWNSTREAM_BP,
        sources=sources,
    )


def _ordered(published: Published, genes: list[str]) -> Published:
    """The same table with these genes, in this order."""
    place = {gene: number for number, gene in enumerate(published.genes)}
    order = np.array([place[gene] for gene in genes])
    region = RegionMatrix("any", published.bases, published.offsets, published.length_bp).take_genes(order)
    return Published(genes, published.regulators, region.offsets, region.bin_length_bp, region.data)


def _bound(published: Published) -> NDArray[np.int64]:
    """Genes with a site, by regulator."""
    coo = published.bases.tocoo()
    gene = np.repeat(np.arange(len(published.genes)), np.diff(published.offsets))[coo.coords[0]]
    pairs = np.unique(np.stack([gene, coo.coords[1]]), axis=1)
    return np.bincount(pairs[1], minlength=published.bases.shape[1])


def _genes(genes: list[str], length: Any, annotation: Annotation | None) -> pd.DataFrame:
    table = pd.DataFrame(
        {"gene_id": genes, "gene_name": genes, "chrom": "unknown", "strand": "+", "tss": 0, "length_bp": length}
    )
    if annotation is None:
        return table
    known = annotation.genes.set_index("gene_id").reindex(genes)
    is_known = known["chrom"].notna().to_numpy()
    if not is_known.any():
        raise ValueError(
            "the annotation holds none of the genes; give the one that the tables were made from (GENCODE v19)"
        )
    for column in ("gene_name", "chrom", "strand"):
        table[column] = known[column].astype(object).to_numpy()
        table.loc[~is_known, column] = {"chrom": "unknown", "strand": "+"}.get(column)
    table["gene_name"] = table["gene_name"].fillna(table["gene_id"])
    tss = np.where(known["strand"] == "-", known["end"] - 1, known["start"])
    table["tss"] = np.where(is_known, tss, 0).astype(np.int64)
    logger.info("%d of %d genes are in the annotation; the others are on no chromosome", is_known.sum(), len(genes))
    return table


def convert_expression(path: Path) -> pd.DataFrame:
    """expdata.pkl as a targets table: gene_id, median_level and one column a task, log2 units."""
    table = read_pickled_table(path)
    if "Name" not in table.columns or table.columns[-1] != "MedianExp":
        raise ValueError(f"{path} has the columns {listed(table.columns)}; Name, tissues and MedianExp are wanted")
    tasks = [name for name in table.columns if name not in {"Name", "MedianExp"}]
    frame = pd.DataFrame({"gene_id": strip_version([str(name) for name in table.cells["Name"]])})
    for name, column in {"median_level": "MedianExp", **{task: task for task in tasks}}.items():
        frame[name] = np.asarray(table.cells[column], dtype=np.float64)
    check_unique(f"genes of {path}", frame["gene_id"])
    return frame


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 2 with a sentence where a file is not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.decode_files", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    features = commands.add_parser("features", help="feature tables to features.h5")
    for region in REGIONS:
        features.add_argument(
            f"--{region}", action="append", default=[], metavar="KIND=FILE", help="a table of this region"
        )
    features.add_argument("--annotation", type=Path, help="annotation of hg19 that the tables were made from")
    expression = commands.add_parser("expression", help="expdata.pkl to a targets table")
    expression.add_argument("table", type=Path)
    for command in (features, expression):
        command.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        check_output(options.out)
        if options.command == "expression":
            targets = convert_expression(options.table)
            write_table(targets, options.out)
            text = f"{len(targets):,} genes, {targets.shape[1] - 2} tasks"
        else:
            tables = {region: _kinds(region, getattr(options, region)) for region in REGIONS}
            annotation = read_annotation(options.annotation, build="hg19") if options.annotation else None
            made = convert_features(tables, annotation)
            made.write(options.out)
            text = f"{made.n_genes:,} genes, {len(made.tracks)} tracks"
    except (ValueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    sys.stdout.write(f"{options.out}: {text}\n")
    return 0


def _kinds(region: str, values: Sequence[str]) -> list[tuple[str, Path]]:
    pairs = []
    for value in values:
        kind, _, path = value.partition("=")
        if kind not in KINDS or not path:
            raise ValueError(f"--{region} is {value!r}; write KIND=FILE with a kind of {', '.join(KINDS)}")
        pairs.append((kind, Path(path)))
    return pairs


if __name__ == "__main__":
    sys.exit(main())
