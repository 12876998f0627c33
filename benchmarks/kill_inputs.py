"""Toy inputs of every command that writes; what needs a command itself is made by those of `kill_commands`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.files import write_table
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation
from decode.synthetic import (
    ToyData,
    make_toy_contrast,
    make_toy_data,
    make_toy_persons,
    make_toy_transcripts,
    toy_sources,
)
from decode.synthetic.profiles import make_toy_profiles

N_GENES, N_TASKS, N_PERSONS = 150, 5, 52
CARD = {
    "description": "A toy",
    "predicts": "toy tasks",
    "licence": "CC0",
    "training_data": [{"name": "toy sites", "source": "made up", "licence": "CC0"}],
}


def make_inputs(folder: Path) -> dict[str, str]:
    """Write the inputs that no command makes.

    Parameters
    ----------
    folder : Path
        Exists.

    Returns
    -------
    dict of str to str
        Path, or words of the command line, by the name that stands in braces in a command.
    """
    toy = make_toy_data(folder / "toy", seed=1, n_genes=N_GENES, n_tasks=N_TASKS)
    persons = make_toy_persons(folder / "persons", toy, n_persons=N_PERSONS, seed=2)
    contrast = make_toy_contrast(folder / "contrast", toy, n_samples=4)
    found = {
        "annotation": toy.annotation, "sizes": toy.sizes, "promoter_sites": toy.promoter_sites,
        "rna_sites": toy.rna_sites, "mirna_sites": toy.mirna_sites, "tissue_tpm": toy.tissue_tpm,
        "person_tpm": persons.tpm, "samples": persons.samples, "contrast_tpm": contrast.tpm,
        "contrast_samples": contrast.samples,
    }  # fmt: skip
    return {
        **{name: str(path) for name, path in found.items()},
        "pair": ",".join(persons.pair),
        **_of_persons(folder, persons.tpm, persons.pair_regulators),
        **_lists(folder, toy.tissue_tpm, list(toy.own_genes), list(toy.own_genes.values())),
        **_of_transcripts(folder, toy),
        **_profiles(folder),
        **_genotypes(folder, toy.annotation, toy.sizes),
    }


def _of_persons(folder: Path, tpm: Path, regulators: list[str]) -> dict[str, str]:
    """log2 values of persons, half of them as new samples, and the regulators of a pair of genes."""
    table = pd.read_csv(tpm, sep="\t", index_col=0)
    write_table((table.clip(lower=0) + 0.25).transform(np.log2), folder / "log2.tsv.gz", index=True)
    write_table(table.iloc[:, ::6], folder / "new.tsv", index=True)
    (folder / "pair_regulators.txt").write_text("\n".join(regulators) + "\n")
    names = {"log2": "log2.tsv.gz", "new_samples": "new.tsv", "pair_regulators": "pair_regulators.txt"}
    return {name: str(folder / file) for name, file in names.items()}


def _lists(folder: Path, tissue_tpm: Path, names: list[str], ids: list[str]) -> dict[str, str]:
    """A DE table, a DE prior, gene sets, a gene list, a card, a chain and sites for it."""
    genes = pd.read_csv(tissue_tpm, sep="\t")["gene_id"].str.partition(".")[0].tolist()
    rng = np.random.default_rng(0)
    change = rng.normal(size=len(genes))
    de = {"gene": genes, "baseMean": 100.0, "log2FoldChange": change, "stat": 3 * change, "padj": 0.1}
    write_table(pd.DataFrame(de), folder / "de.tsv")
    rank = pd.read_csv(tissue_tpm, sep="\t").iloc[:, 1].rank(pct=True).to_numpy()
    prior = {"Order": range(len(genes)), "Gene_Name": genes, "DE_Prior_Rank": rank}
    write_table(pd.DataFrame(prior), folder / "prior.tsv")
    sets = ["\t".join([f"set{i}", "", *names[i::3], *genes[8 * i : 8 * i + 8]]) for i in range(3)]
    (folder / "sets.gmt").write_text("\n".join(sets) + "\n")
    (folder / "list.txt").write_text("\n".join(names[::2]) + "\n")
    (folder / "card.json").write_text(json.dumps(CARD))
    (folder / "a.over.chain.gz").write_bytes(
        gzip.compress(b"chain 1000 chr1 2000 + 0 1000 chr1 3000 + 500 1500 1\n1000\n\n", mtime=0)
    )
    for name, n in (("sites.bed", 99), ("other_sites.bed", 55)):
        rows = [f"chr1\t{9 * i}\t{9 * i + 5}\tCTCF\t7\t+\tK562\n" for i in range(n)]
        (folder / name).write_text("".join(rows))
    (folder / "genes.txt").write_text(f"{genes[0]}\n{genes[5]}\n")
    names_of = {
        "de": "de.tsv", "prior": "prior.tsv", "gene_sets": "sets.gmt", "gene_list": "list.txt", "card": "card.json",
        "chain": "a.over.chain.gz", "bed": "sites.bed", "other_bed": "other_sites.bed", "two_genes": "genes.txt",
    }  # fmt: skip
    return {name: str(folder / file) for name, file in names_of.items()} | {"gene": ids[0], "regulator": names[0]}


def _of_transcripts(folder: Path, toy: ToyData) -> dict[str, str]:
    """Features and expression of transcripts."""
    models = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes), level="transcript")
    features = build_features(models, toy_sources(toy))
    features.write(folder / "transcripts.h5")
    tracks = features.tracks[features.tracks["region"] == "rna"]
    names = (tracks["regulator"] + "@" + tracks["biosample"]).tolist()
    totals = pd.DataFrame(features.totals("rna"), features.ids, names)
    made = make_toy_transcripts(folder / "transcripts", features.genes, totals, regulators=names[:3], n_tasks=N_TASKS)
    return {"transcript_features": str(folder / "transcripts.h5"), "transcript_tpm": str(made.tissue_tpm)}


def _genotypes(folder: Path, annotation: Path, sizes: Path) -> dict[str, str]:
    """Sixty persons: three variants beside every fifth gene of chr1, and expression without effects, from a seed."""
    table = gene_models(read_annotation(annotation, build="toy", sizes=sizes)).table
    table = table[table["chrom"] == "chr1"].sort_values("tss").iloc[::5]
    places, persons = table["tss"].to_numpy(), [f"P{i}" for i in range(60)]
    rng = np.random.default_rng(4)
    calls = np.array(["0/0", "0/1", "1/1"])[rng.integers(0, 3, (3 * len(places), len(persons)))]
    head = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *persons]
    rows = [
        ["chr1", str(place + 1 + 10 * k), ".", "A", "G", ".", "PASS", ".", "GT", *calls[3 * i + k]]
        for i, place in enumerate(places.tolist())
        for k in range(3)
    ]
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr1>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        *("\t".join(row) for row in [head, *rows]),
    ]
    (folder / "persons.vcf").write_text("\n".join(lines) + "\n")
    values = pd.DataFrame(rng.normal(size=(len(places), len(persons))), table["gene_id"].to_list(), persons)
    write_table(values.rename_axis("gene_id"), folder / "genotyped.tsv", index=True)
    return {"genotypes": str(folder / "persons.vcf"), "genotyped": str(folder / "genotyped.tsv")}


def _profiles(folder: Path) -> dict[str, str]:
    toy = make_toy_profiles(60, n_factors=4, followers=5, n_noise_genes=16)
    write_table(toy.expression, folder / "profiles.tsv", index=True)
    write_table(toy.expression.iloc[:, :20], folder / "few_profiles.tsv", index=True)
    write_table(toy.samples.assign(age=1), folder / "profile_samples.tsv", index=True)
    (folder / "hubs.txt").write_text("\n".join(toy.hubs) + "\n")
    (folder / "profile_sets.gmt").write_text("s1\t\t" + "\t".join(toy.hubs) + "\n")
    names = {
        "profiles": "profiles.tsv", "other_profiles": "few_profiles.tsv", "profile_samples": "profile_samples.tsv",
        "hubs": "hubs.txt",
        "profile_sets": "profile_sets.gmt",
    }  # fmt: skip
    return {name: str(folder / file) for name, file in names.items()}
