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


def make_release_files(folder: Path, release: str) -> ToyData:
    """The files of another release, made from the same toy genome: `gtex-v7`, `gtex-v8` or `encode-hg19`."""
    toy = make_public_files(folder)
    if release == "encode-hg19":
        tf, rbp = sites(toy.promoter_sites), sites(toy.rna_sites)
        for name, table in (("tf_chip_encode_by_cell", tf), ("rbp_eclip_encode", rbp)):
            rows = table.assign(score=0, strand=table.get("strand", "."))
            columns = ["chrom", "start", "end", "regulator", "score", "strand", "biosample"]
            rows[columns].to_csv(folder / f"{name}.bed.gz", sep="\t", header=False, index=False)
        (folder / "gencode_v19_coding_collapsed.gtf.gz").write_bytes(toy.annotation.read_bytes())
        (folder / "hpa_gtex_tissue_tpm.tsv.gz").write_bytes(toy.tissue_tpm.read_bytes())
        return toy
    tables = {
        "gtex-v7": "GTEx_Analysis_2016-01-15_v7_RNASeQCv1.1.8_gene_median_tpm.gct.gz",
        "gtex-v8": "GTEx_Analysis_2017-06-05_v8_RNASeQCv1.1.9_gene_median_tpm.gct.gz",
    }
    annotations = {
        "gtex-v7": "gencode.v19.genes.v7.patched_contigs.gtf",
        "gtex-v8": "gencode.v26.GRCh38.genes.gtf",
    }
    table = gzip.decompress((folder / "GTEx_Analysis_v10_RNASeQCv2.4.2_gene_median_tpm.gct.gz").read_bytes())
    annotation = (folder / "gencode.v39.GRCh38.genes.gtf").read_text()
    if release == "gtex-v7":  # its medians call the first column gene_id, and its contigs have no chr
        table = table.replace(b"\nName\t", b"\ngene_id\t", 1)
        annotation = "".join(line.removeprefix("chr") for line in annotation.splitlines(keepends=True))
        chain = identity_chain(old="hg38", new="hg19")
        (folder / "hg38ToHg19.over.chain.gz").write_bytes(gzip.compress(chain.encode(), mtime=0))
    (folder / tables[release]).write_bytes(gzip.compress(table, mtime=0))
    (folder / annotations[release]).write_text(annotation)
    return toy


def sites(path: Path) -> pd.DataFrame:
    """Sites of a toy BED file; the biosample '.' where it has none."""
    table = pd.read_csv(path, sep="\t", header=None)
    table.columns = ["chrom", "start", "end", "regulator", "score", "strand", "biosample"][: table.shape[1]]
    return table if "biosample" in table else table.assign(biosample=".")


def identity_chain(n_bases: int = 30_000_000, old: str = "hg19", new: str = "hg38") -> str:
    """A chain that leaves the first bases of chr1 to chr5 where they are."""
    lines = []
    old_sizes, new_sizes = get_assembly(old).sizes, get_assembly(new).sizes
    for number in range(1, 6):
        name = f"chr{number}"
        place = f"+ 0 {n_bases}"
        lines.append(
            f"chain 1 {name} {old_sizes[name]} {place} {name} {new_sizes[name]} {place} {number}\n{n_bases}\n\n"
        )
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
