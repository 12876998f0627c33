"""Toy files in the form of public collections, as their servers give them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd

from decode.genome.assembly import get_assembly
from decode.synthetic.toy import ToyData, make_toy_data

GTRD_COLUMNS = (
    "#CHROM START END summit uniprotId tfTitle cell.set treatment.set exp.set peak-caller.set peak-caller.count "
    "exp.count peak.count"
)


def make_public_files(folder: Path, *, n_genes: int = 300) -> ToyData:
    """GTEx v10 with GTRD, POSTAR3 and TargetScan of a toy genome; the last on hg19 (its chain is the identity)."""
    toy = make_toy_data(folder / "toy", n_genes=n_genes, seed=3)
    with gzip.open(toy.annotation, "rt") as handle:
        (folder / "gencode.v39.GRCh38.genes.gtf").write_text(handle.read())
    tpm = pd.read_csv(toy.tissue_tpm, sep="\t").rename(columns={"gene_id": "Name"})
    tpm.insert(1, "Description", tpm["Name"])
    body = tpm.to_csv(sep="\t", index=False)
    name = "GTEx_Analysis_v10_RNASeQCv2.4.2_gene_median_tpm.gct.gz"
    text = f"#1.2\n{len(tpm)}\t{tpm.shape[1] - 2}\n{body}"
    (folder / name).write_bytes(gzip.compress(text.encode(), mtime=0))
    _gtrd(sites(toy.promoter_sites), folder / "Homo_sapiens_meta_clusters.interval.gz")
    _postar(sites(toy.rna_sites), folder / "human_RBP_binding_sites.txt.zip")
    _targetscan(sites(toy.mirna_sites), folder / "Predicted_Target_Locations.default_predictions.hg19.bed.zip")
    (folder / "hg19ToHg38.over.chain.gz").write_bytes(gzip.compress(identity_chain().encode(), mtime=0))
    return toy


def sites(path: Path) -> pd.DataFrame:
    """Sites of a toy BED file; the biosample '.' where it has none."""
    table = pd.read_csv(path, sep="\t", header=None)
    table.columns = ["chrom", "start", "end", "regulator", "score", "strand", "biosample"][: table.shape[1]]
    return table if "biosample" in table else table.assign(biosample=".")


def identity_chain(n_bases: int = 30_000_000) -> str:
    """A chain from hg19 to hg38 that leaves the first bases of chr1 to chr5 where they are."""
    old, new = get_assembly("hg19").sizes, get_assembly("hg38").sizes
    lines = []
    for number in range(1, 6):
        name = f"chr{number}"
        place = f"+ 0 {n_bases}"
        lines.append(f"chain 1 {name} {old[name]} {place} {name} {new[name]} {place} {number}\n{n_bases}\n\n")
    return "".join(lines)


def _gtrd(table: pd.DataFrame, path: Path) -> None:
    rows = [
        f"{row.chrom}\t{row.start}\t{row.end}\t{(row.end - row.start) // 2}\tP00000\t{row.regulator}\t"
        f"K562 (leukemia)\t\tEXP1\tmacs2\t1\t1\t1"
        for row in table.sort_values("regulator").itertuples()
    ]
    header = "\t".join(GTRD_COLUMNS.split())
    path.write_bytes(gzip.compress(("\n".join([header, *rows]) + "\n").encode(), mtime=0))


def _postar(table: pd.DataFrame, path: Path) -> None:
    rows = [
        f"{row.chrom}\t{row.start}\t{row.end}\tsite_{number}\t0\t{row.strand}\t{row.regulator}\teCLIP\t{row.biosample}\tGSE1\t1.5"
        for number, row in enumerate(table.itertuples())
    ]
    _packed(path, "human_RBP_binding_sites.txt", "\n".join(rows) + "\n")


def _targetscan(table: pd.DataFrame, path: Path) -> None:
    rows = [
        f"{row.chrom}\t{row.start}\t{row.end}\tGENE{number}:{row.regulator}\t50\t{row.strand}"
        for number, row in enumerate(table.itertuples())
    ]
    _packed(path, "Predicted_Targets.hg19.bed", "\n".join(rows) + "\n")


def _packed(path: Path, name: str, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
