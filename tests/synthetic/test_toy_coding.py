"""CDS lines of the toy genome and the structure effect that goes with them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from decode.genome import gene_models, read_annotation
from decode.genome.structure import gene_structure, has_coding
from decode.synthetic import ToyData, make_toy_data
from decode.synthetic.coding import make_coding
from decode.synthetic.layout import make_genes


def text_of(toy: ToyData) -> str:
    return gzip.decompress(toy.annotation.read_bytes()).decode()


def test_coding_bases_lie_inside_and_are_whole_codons(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path, n_genes=100, junction_effect_log2=0.5)
    lines = [line.split("\t") for line in text_of(toy).splitlines() if not line.startswith("#")]
    table = pd.DataFrame(lines, columns=[*"abc", "start", "end", "score", "strand", "phase", "attributes"])
    table = table.astype({"start": int, "end": int})
    table["transcript"] = table["attributes"].str.extract(r'transcript_id "([^"]+)"')
    table["main"] = table["attributes"].str.contains("MANE_Select")
    coding, exons = table[table["c"] == "CDS"], table[table["c"] == "exon"]
    inside = coding.merge(exons, on="transcript", suffixes=("", "_exon"))
    inside = inside[(inside["start"] >= inside["start_exon"]) & (inside["end"] <= inside["end_exon"])]
    assert len(inside) == len(coding)
    assert set(coding["transcript"]) == set(exons["transcript"])
    bases = (coding["end"] - coding["start"] + 1).groupby(coding["transcript"]).sum()
    is_main = coding.groupby("transcript")["main"].first()
    assert (bases[is_main] % 3 == 0).all()
    for _, rows in coding.groupby("transcript"):
        before = (rows["end"] - rows["start"] + 1).cumsum().shift(fill_value=0)
        assert (rows["phase"].astype(int) == (-before) % 3).all()


def test_parts_in_exons_add_up() -> None:
    genes = make_genes(np.random.default_rng(3), 60)
    coding = make_coding(genes, np.random.default_rng(4))
    exons = zip(genes.exon_gene.tolist(), genes.exon_start.tolist(), genes.exon_end.tolist(), strict=True)
    parts = [(gene, coding.overlap(gene, start, end)) for gene, start, end in exons]
    sizes = pd.Series([part[1] - part[0] for _, part in parts if part], index=[gene for gene, part in parts if part])
    bases, n_exons = sizes.groupby(level=0).sum(), sizes.groupby(level=0).size()
    assert len(bases) == 60
    assert (bases % 3 == 0).all()
    assert (bases >= 30).all()
    assert (bases < genes.table["length_bp"]).all()
    np.testing.assert_allclose(coding.junctions_per_kb, 1000 * (n_exons - 1) / bases)
    assert coding.overlap(0, int(genes.table["end"][0]) + 10, int(genes.table["end"][0]) + 20) is None


def test_level_follows_the_junctions(tmp_path: Path) -> None:
    toys = []
    for name, effect in (("none", 0.0), ("some", 2.0)):
        toys.append(make_toy_data(tmp_path / name, n_genes=100, junction_effect_log2=effect))
    signals = [pd.read_csv(toy.truth_signal, sep="\t", index_col=0) for toy in toys]
    annotation = read_annotation(toys[1].annotation, build="toy", sizes=toys[1].sizes)
    models = gene_models(annotation)
    structure = gene_structure(models, annotation).table
    junctions = pd.Series(structure["structure_junctions"].to_numpy(), index=models.ids).loc[signals[0].index]
    gained = (signals[1] - signals[0]).drop(columns="median_level").add(signals[1]["median_level"], axis=0)
    gained = gained.sub(signals[0]["median_level"], axis=0)  # the levels themselves
    expected = 2.0 * np.outer(junctions - junctions.mean(), np.linspace(0, 2, gained.shape[1]))
    np.testing.assert_allclose(gained, expected, atol=2e-3)


def test_without_it_the_files_stay_as_they_were(tmp_path: Path) -> None:
    plain = make_toy_data(tmp_path / "plain", n_genes=100)
    with_coding = make_toy_data(tmp_path / "coding", n_genes=100, junction_effect_log2=0.0)
    texts = [text_of(toy) for toy in (plain, with_coding)]
    assert "\tCDS\t" not in texts[0]
    assert [line for line in texts[1].splitlines() if "\tCDS\t" not in line] == texts[0].splitlines()
    assert plain.tissue_tpm.read_bytes() == with_coding.tissue_tpm.read_bytes()
    annotation = read_annotation(plain.annotation, build="toy", sizes=plain.sizes)
    assert not has_coding(annotation)
