"""GFF3 of each dialect gives what a GTF of the same genes gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.features.build import build_features
from decode.genome.annotation import Annotation, read_annotation
from decode.genome.gene_models import gene_models
from decode.genome.sites import SiteSource

# gene id, symbol, type, strand, transcripts: id, tags, exons as a GTF counts them (1-based, both ends included)
GENES = [
    ("ENSG00000000101", "ALPHA", "protein_coding", "+", [
        ("ENST00000000101", "basic,Ensembl_canonical,MANE_Select", [(1000001, 1000300), (1001001, 1001200)]),
        ("ENST00000000102", "basic,appris_alternative_1", [(1000101, 1000300), (1002001, 1002900)]),
    ]),
    ("ENSG00000000102", "BETA", "lncRNA", "-", [
        ("ENST00000000103", "basic", [(2000001, 2000120), (2003001, 2003080), (2005001, 2005400)]),
    ]),
]  # fmt: skip
CHROMS = {"gencode": "chr21", "ensembl": "21", "ncbi": "NC_000021.8"}


def gtf() -> str:
    lines = []
    for gene, name, kind, strand, transcripts in GENES:
        span = (min(x[0][0] for *_, x in transcripts), max(x[-1][1] for *_, x in transcripts))
        own = f'gene_id "{gene}.3"; gene_type "{kind}"; gene_name "{name}";'
        lines.append(f"chr21\tT\tgene\t{span[0]}\t{span[1]}\t.\t{strand}\t.\t{own}")
        for transcript, tags, exons in transcripts:
            text = own + f' transcript_id "{transcript}.2";' + "".join(f' tag "{tag}";' for tag in tags.split(","))
            lines.append(f"chr21\tT\ttranscript\t{exons[0][0]}\t{exons[-1][1]}\t.\t{strand}\t.\t{text}")
            for part in ("exon", "CDS"):
                lines += [f"chr21\tT\t{part}\t{a}\t{b}\t.\t{strand}\t.\t{text}" for a, b in exons]
    return "\n".join(lines) + "\n"


def attributes(dialect: str, gene: tuple, transcript: tuple | None) -> tuple[str, str]:
    """Attributes of the line of a gene or transcript, and its ID."""
    gene_id, name, kind, _, _ = gene
    if dialect == "gencode":
        ids, parent = f"gene_id={gene_id}.3;gene_type={kind};gene_name={name}", f"{gene_id}.3"
        if transcript is None:
            return f"ID={parent};{ids};level=2", parent
        own = f"{transcript[0]}.2"
        return f"ID={own};Parent={parent};{ids};transcript_id={own};tag={transcript[1]}", own
    if dialect == "ensembl":
        if transcript is None:
            own = f"gene:{gene_id}"
            return f"ID={own};Name={name};biotype={kind};description=x%3B y [Source:z];gene_id={gene_id};version=3", own
        own = f"transcript:{transcript[0]}"
        text = f"ID={own};Parent=gene:{gene_id};Name={name}-201;biotype={kind};tag={transcript[1]}"
        return f"{text};transcript_id={transcript[0]};version=2", own
    if transcript is None:
        own = f"gene-{gene_id}"
        return (
            f"ID={own};Dbxref=GeneID:{gene_id[-3:]},HGNC:HGNC:1;Name={name};gbkey=Gene;gene={name};gene_biotype={kind}",
            own,
        )
    own = f"rna-{transcript[0]}.2"
    tags = transcript[1].replace("_Select", " Select")
    return f"ID={own};Parent=gene-{gene_id};gene={name};product=a%2C b;tag={tags};transcript_id={transcript[0]}.2", own


def gff3(dialect: str) -> str:
    chrom = CHROMS[dialect]
    lines = ["##gff-version 3", f"{chrom}\tT\tregion\t1\t48129895\t.\t+\t.\tID={chrom}:1..48129895;gene=none"]
    for gene in GENES:
        strand, transcripts = gene[3], gene[4]
        span = (min(x[0][0] for *_, x in transcripts), max(x[-1][1] for *_, x in transcripts))
        kind = "gene" if gene[2] == "protein_coding" or dialect != "ensembl" else "ncRNA_gene"
        lines.append(f"{chrom}\tT\t{kind}\t{span[0]}\t{span[1]}\t.\t{strand}\t.\t{attributes(dialect, gene, None)[0]}")
        for transcript in transcripts:
            text, own = attributes(dialect, gene, transcript)
            exons = transcript[2]
            kind = "transcript" if dialect == "gencode" else "mRNA" if gene[2] == "protein_coding" else "lnc_RNA"
            lines.append(f"{chrom}\tT\t{kind}\t{exons[0][0]}\t{exons[-1][1]}\t.\t{strand}\t.\t{text}")
            order = exons if strand == "+" else exons[::-1]
            lines += [f"{chrom}\tT\texon\t{a}\t{b}\t.\t{strand}\t.\tID=e{own}{a};Parent={own}" for a, b in order]
            lines += [f"{chrom}\tT\tCDS\t{a}\t{b}\t.\t{strand}\t0\tID=cds-{own};Parent={own}" for a, b in order]
        lines.append("###")
    return "\n".join(lines) + "\n##FASTA\n>" + chrom + "\nACGT\n"


def read(tmp_path: Path, text: str, name: str = "a.gff3") -> Annotation:
    path = tmp_path / name
    path.write_text(text)
    return read_annotation(path, build="hg19")


@pytest.fixture
def of_gtf(tmp_path: Path) -> Annotation:
    return read(tmp_path, gtf(), "a.gtf")


@pytest.mark.parametrize("dialect", list(CHROMS))
def test_the_same_genes_as_of_the_gtf(tmp_path, of_gtf, dialect):
    found = read(tmp_path, gff3(dialect))
    pd.testing.assert_frame_equal(found.genes, of_gtf.genes)
    ours, theirs = (
        frame.sort_values(["transcript_id", "start"], ignore_index=True) for frame in (found.exons, of_gtf.exons)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    pd.testing.assert_frame_equal(found.transcripts, of_gtf.transcripts)
    for rule in ("auto", "mane", "longest", "collapsed"):
        ours, theirs = (gene_models(one, representative=rule).table for one in (found, of_gtf))
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("dialect", list(CHROMS))
def test_the_same_features_as_of_the_gtf(tmp_path, of_gtf, dialect):
    bed = tmp_path / "sites.bed"
    bed.write_text(
        "chr21\t999900\t1000150\tR\t0\t+\nchr21\t2004990\t2005450\tR\t0\t-\nchr21\t1001100\t1001150\tR\t0\t+\n"
    )
    sources = [SiteSource("TF", bed, region="promoter"), SiteSource("RBP", bed, region="rna")]
    ours, theirs = (
        build_features(gene_models(one), sources, executor="serial", allow_suspicious=True)
        for one in (read(tmp_path, gff3(dialect)), of_gtf)
    )
    assert ours.ids.tolist() == theirs.ids.tolist()
    np.testing.assert_array_equal(ours.totals(), theirs.totals())
    assert theirs.totals().all(axis=0).any()


def test_copies_on_y_by_entrez_number_and_by_tag(tmp_path):
    def gene(chrom: str, own: str, more: str) -> str:
        return (
            f"{chrom}\tT\tgene\t200001\t201000\t.\t+\t.\tID=gene-{own};Name=PLCX;{more}\n"
            f"{chrom}\tT\tmRNA\t200001\t201000\t.\t+\t.\tID=rna-{own};Parent=gene-{own};transcript_id=NM_{own}\n"
            f"{chrom}\tT\texon\t200001\t201000\t.\t+\t.\tParent=rna-{own}\n"
        )

    by_number = gene("X", "PLCX", "Dbxref=MIM:1,GeneID:55") + gene("Y", "PLCX-2", "Dbxref=GeneID:55")
    by_tag = gene("X", "A", "Dbxref=GeneID:1") + gene("Y", "B", "Dbxref=GeneID:2;tag=basic,PAR")
    for text, kept in ((by_number, "PLCX"), (by_tag, "A")):
        found = read(tmp_path, text)
        assert found.genes["gene_id"].tolist() == [kept]
        assert found.counts["par_y_genes_dropped"] == 1


def test_shared_exons_genes_without_transcripts_and_encoded_names(tmp_path):
    found = read(
        tmp_path,
        "21\tT\tgene\t101\t400\t.\t+\t.\tID=g1;Name=A%2CB;biotype=protein_coding\n"
        "21\tT\tmRNA\t101\t300\t.\t+\t.\tID=t1;Parent=g1\n"
        "21\tT\tmRNA\t101\t400\t.\t+\t.\tID=t2;Parent=g1\n"
        "21\tT\texon\t101\t300\t.\t+\t.\tParent=t1,t2\n"
        "21\tT\texon\t351\t400\t.\t+\t.\tParent=t2\n"
        "21\tT\tpseudogene\t1001\t1100\t.\t-\t.\tID=g2;Name=P\n"
        "21\tT\texon\t1001\t1100\t.\t-\t.\tParent=g2\n"
        "21\tT\tgene\t2001\t2090\t.\t+\t.\tID=g3;Name=MIRX\n"
        "21\tT\tprimary_transcript\t2001\t2090\t.\t+\t.\tID=p3;Parent=g3\n"
        "21\tT\texon\t2001\t2090\t.\t+\t.\tParent=p3\n"
        "21\tT\tmiRNA\t2011\t2032\t.\t+\t.\tID=m3;Parent=p3\n"
        "21\tT\texon\t2011\t2032\t.\t+\t.\tParent=m3\n",
    )
    assert found.genes["gene_name"].tolist() == ["A,B", "P", "MIRX"]
    assert found.transcripts.set_index("transcript_id")["gene_id"].to_dict() == {
        "t1": "g1", "t2": "g1", "g2": "g2", "p3": "g3", "m3": "g3",
    }  # fmt: skip
    assert gene_models(found, representative="longest").table["length_bp"].tolist() == [250, 100, 90]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("21\tT\tgene\t1\t9\t.\t+\t.\tID=g\n", "no exon line"),
        ("21\tT\tgene\t1\t9\t.\t+\t.\tID=g\n21\tT\texon\t1\t9\t.\t+\t.\tParent=lost\n", "'lost'"),
        ("21\tT\tgene\tone\t9\t.\t+\t.\tID=g\n", "start is 'one'"),
    ],
)
def test_refused(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text)
