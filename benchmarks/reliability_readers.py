"""Every reader of text with a small valid file of its own, and how its rows are counted without it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from decode.core.files import read_bytes

Lines = list[str]
N_GENES = 24
PLI = 0.985  # genes above it are read
GENES = tuple(f"ENSG{i:011d}" for i in range(1, N_GENES + 1))
SYMBOLS = tuple(f"GENE{i}" for i in range(1, N_GENES + 1))


@dataclass(frozen=True)
class Reader:
    """One way into the package.

    Attributes
    ----------
    name : str
    file : str
        Name of the file, which some readers look at.
    text : callable
        Makes a valid file.
    read : callable
        Path -> rows that the reader returned or reported as left out; None where it has no rows.
    rows : callable
        Non-blank lines of a file -> rows that are in it.
    """

    name: str
    file: str
    text: Callable[[], str]
    read: Callable[[Path], int | None]
    rows: Callable[[Lines], int | None]


def _table(header: list[str] | None, rows: list[list[object]], separator: str = "\t") -> str:
    lines = [separator.join(map(str, row)) for row in ([header] if header else []) + rows]
    return "\n".join(lines) + "\n"


@contextmanager
def _warnings(level: int = logging.WARNING) -> Iterator[list[str]]:
    """What the package warns of, or tells at a lower level."""
    said: list[str] = []
    handler = logging.Handler(level)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("decode")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level, logger.getEffectiveLevel()))
    try:
        yield said
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _told(said: list[str], pattern: str) -> int:
    """Sum of the numbers that messages of one form give."""
    return sum(sum(map(int, found.groups())) for text in said if (found := re.search(pattern, text)))


def _columns(line: str) -> list[str]:
    """Names in a header, in small letters."""
    separator = next((mark for mark in "\t," if mark in line), "\t")
    return [cell.strip().strip('"').lower() for cell in line.split(separator)]


def _with_columns(*names: str) -> Callable[[Lines], int | None]:
    """Rows of a table that has these columns; uncounted where it has not, and may be read as something else."""

    def rows(lines: Lines) -> int | None:
        at = next((i for i, line in enumerate(lines) if not line.startswith(("# ", "##", "!"))), 0)
        return below_header(lines) if set(names) <= set(_columns(lines[at])) else None

    return rows


def _distinct(lines: Lines) -> int:
    """Names, one a line, each once; what follows a tab is no part of them."""
    return len({name for line in lines if (name := line.split("\t")[0].strip()) and not name.startswith("#")})


def _left_out(said: list[str]) -> int:
    """Rows or lines that warnings report as left out for want of a name."""
    found = [
        re.search(r": (\d+) (?:rows|lines) without an? (?:id|name|probe or gene|name or rank) are left out", text)
        for text in said
    ]
    return sum(int(one[1]) for one in found if one)


def below_header(lines: Lines) -> int:
    """Rows of a table with a header; lines above it that begin with # and a blank, ## or ! are none."""
    at = 0
    while at < len(lines) and lines[at].startswith(("# ", "##", "!")):
        at += 1
    return max(len(lines) - at - 1, 0)


def no_comments(lines: Lines) -> int:
    """Lines that do not begin with #."""
    return sum(not line.startswith("#") for line in lines)


def bed_rows(lines: Lines) -> int:
    """Lines of a BED file that are no comment, `track` or `browser` line."""
    return sum(not line.startswith("#") and line.split()[0] not in ("track", "browser") for line in lines)


def _uncounted(_: Lines) -> None:
    return None


@cache
def _genes() -> pd.DataFrame:
    places = {"chrom": "chr1", "tss": range(1000, 1000 + 1000 * N_GENES, 1000)}
    return pd.DataFrame({"gene_id": GENES, "gene_name": SYMBOLS, **places})


def gtf() -> str:
    """A GENCODE-like GTF: a gene, a transcript and two exons a gene."""
    lines = ["##description: demo"]
    for i, (gene, symbol) in enumerate(zip(GENES, SYMBOLS, strict=True)):
        start = 10_001 + 5_000 * i
        name = f'gene_id "{gene}.{i + 1}"; gene_name "{symbol}"; gene_type "protein_coding";'
        own = f'{name} transcript_id "ENST{i:011d}.1"; tag "MANE_Select";'
        for feature, first, last, text in (
            ("gene", start, start + 3000, name), ("transcript", start, start + 3000, own),
            ("exon", start, start + 400, own), ("exon", start + 2000, start + 3000, own),
        ):  # fmt: skip
            lines.append("\t".join(["chr1", "demo", feature, str(first), str(last), ".", "+-"[i % 2], ".", text]))
    return "\n".join(lines) + "\n"


def _gtf_rows(lines: Lines) -> int:
    features = [line.split("\t")[2] for line in lines if not line.startswith("#") and line.count("\t") > 1]
    return sum(feature in ("gene", "exon") for feature in features)


def _read_gtf(path: Path) -> int:
    import decode
    from decode.genome.annotation_formats import parse_annotation

    raw = parse_annotation(path)
    decode.read_annotation(path, build="hg38")
    return len(raw.genes) + len(raw.exons)


def genepred() -> str:
    """A genePredExt table with two exons a transcript."""
    rows: list[list[object]] = []
    for i, symbol in enumerate(SYMBOLS):
        start = 10_000 + 5_000 * i
        starts, ends = f"{start},{start + 2000},", f"{start + 400},{start + 3000},"
        core = [f"NM_{i:06d}.1", "chr1", "+-"[i % 2], start, start + 3000, start + 100, start + 2500, 2, starts, ends]
        rows.append([*core, 0, symbol, "cmpl", "cmpl", "0,1,"])
    return _table(None, rows)


def _read_genepred(path: Path) -> int:
    import decode
    from decode.genome.annotation_formats import parse_annotation

    raw = parse_annotation(path)
    decode.read_annotation(path, build="hg38")
    return len(raw.transcripts)


def _bed(width: int) -> Callable[[], str]:
    def text() -> str:
        rows: list[list[object]] = []
        for i in range(40):
            start = 10_000 + 700 * i
            row: list[object] = [
                f"chr{1 + i % 3}",
                start,
                start + 150,
                ("CTCF", "REST", "SPI1")[i % 3],
                i,
                "+-."[i % 3],
            ]
            row += {4: [], 6: [], 10: [7.5, 3.2, -1, 70]}.get(width, [start, start + 100, "0", 2, "50,60", "0,90"])
            rows.append(row[: max(width, 4)])
        return "track name=demo\n" + _table(None, rows)

    return text


def _site_reader(kind: Any, **options: Any) -> Callable[[Path], int]:
    def read(path: Path) -> int:
        import decode

        sites = decode.read_sites(decode.SiteSource(kind, path, **options), build="hg38")
        counts = sites.attrs["counts"]
        return len(sites) + int(counts["n_skipped_chromosome"]) + int(counts["n_below_score"])

    return read


def gtrd() -> str:
    """A GTRD meta-cluster table."""
    header = ["#CHROM", "START", "END", "summit", "uniprotId", "tfTitle", "cell.set"]
    rows: list[list[object]] = [
        ["chr1", 10_000 + 500 * i, 10_200 + 500 * i, 90, "P49711", ("CTCF", "REST")[i % 2], "K562"] for i in range(30)
    ]
    return _table(header, rows)


def postar() -> str:
    """A POSTAR table of eleven columns."""
    rows: list[list[object]] = [
        ["chr1", 10_000 + 500 * i, 10_040 + 500 * i, f"id_{i}", 0, "+-"[i % 2], ("AGO2", "HNRNPC")[i % 2], "eCLIP",
         "K562", "GSE1", 2.5] for i in range(30)
    ]  # fmt: skip
    return _table(None, rows)


def targetscan() -> str:
    """BED6 whose names are GENE:family."""
    rows: list[list[object]] = [
        ["chr1", 10_000 + 500 * i, 10_008 + 500 * i, f"GENE{i}:miR-1-3p/206", 95, "+-"[i % 2]] for i in range(30)
    ]
    return _table(None, rows)


def chain() -> str:
    """A chain file of two chromosomes."""
    blocks = "".join(f"{5000 + i}\t{10 + i}\t{7 * (i % 2)}\n" for i in range(20)) + "4000\n\n"
    gaps, moved = sum(10 + i for i in range(20)), sum(7 * (i % 2) for i in range(20))
    length = sum(5000 + i for i in range(20)) + 4000
    here, there = f"248956422 + 10000 {10_000 + length + gaps}", f"249250621 + 9000 {9_000 + length + moved}"
    heads = [f"chain 1000 chr{i} {here} chr{i} {there} {i}\n" for i in (1, 2)]
    return "".join(head + blocks for head in heads)


def _read_chain(path: Path) -> int:
    import decode

    sites = pd.DataFrame({"chrom": ["chr1", "chr2"] * 5, "start": range(12_000, 13_000, 100)})
    found = decode.lift_sites(sites.assign(end=sites["start"] + 50), path)
    return found.n_lifted + found.n_lost


def _read_lifted(path: Path) -> int:
    from decode.genome.lift_files import lift_file

    chains = path.with_name("valid.chain")
    chains.write_text(chain())
    found = lift_file(path, chains, path.with_name("lifted.bed"))
    return found.n_lifted + found.n_lost


def sizes() -> str:
    """Chromosome sizes."""
    return _table(None, [[f"chr{i}", 1_000_000 * i] for i in range(1, 23)])


def _read_sizes(path: Path) -> int:
    import decode

    assembly = decode.get_assembly("mine", path)
    if assembly.length_bp >= 2**62:
        raise OverflowError(f"the axis of {assembly.length_bp} bp does not fit")
    return len(assembly.sizes)


def _matrix(separator: str = "\t", n_samples: int = 4, first: str = "gene_id") -> Callable[[], str]:
    def text() -> str:
        rows: list[list[object]] = [
            [f"{gene}.{i + 1}", *(round(3.7 * i + 1.3 * j, 3) for j in range(n_samples))]
            for i, gene in enumerate(GENES)
        ]
        return _table([first, *(f"sample{j}" for j in range(n_samples))], rows, separator)

    return text


def gct() -> str:
    """GCT 1.2."""
    rows: list[list[object]] = [
        [f"{gene}.1", symbol, i, 2.5 * i, 7] for i, (gene, symbol) in enumerate(zip(GENES, SYMBOLS, strict=True))
    ]
    return f"#1.2\n{N_GENES}\t3\n" + _table(["Name", "Description", "A", "B", "C"], rows)


def _gct_rows(lines: Lines) -> int:
    return max(len(lines) - 3, 0)


def _read_expression(path: Path) -> int:
    import decode
    from decode.expression.readers import read_expression_with_counts

    counts = read_expression_with_counts(path).counts
    decode.read_expression(path)
    return counts["n_rows"] + counts.get("n_rows_without_a_name", 0)


def targets() -> str:
    """A targets table."""
    rows: list[list[object]] = [
        [gene, 5.5 - i, round(0.37 * i - 3, 4), "" if i == 3 else -0.2 * i] for i, gene in enumerate(GENES)
    ]
    return _table(["gene_id", "median_level", "liver", "T cells, CD4+"], rows)


def _read_targets(path: Path) -> int:
    import decode

    with _warnings() as said:
        n_rows = len(decode.read_targets(path))
    return n_rows + _left_out(said)


def _de(tool: str) -> Callable[[], str]:
    def text() -> str:
        rows: list[list[object]] = []
        for i, symbol in enumerate(SYMBOLS):
            change, p = round((-1) ** i * (0.3 + i / 7), 4), round(0.9 / (1 + i * i), 6)
            stat = round(change * 3.1, 4)
            rows.append({
                "deseq2": [symbol, 100 + i, change, 0.3, stat, p, min(1, 2 * p)],
                "limma": [f'"{symbol}"', change, 5 + i / 9, stat, p, min(1, 2 * p), 0.5],
                "scanpy": [i, ("T cell", "B cell")[i % 2], symbol, stat, change, p, min(1, 2 * p)],
                "matrix": [symbol, change, -change, stat],
                "signature": [symbol, ("up", "down")[i % 2]],
            }[tool])  # fmt: skip
        header = {
            "deseq2": ["gene", "baseMean", "log2FoldChange", "lfcSE", "stat", "pvalue", "padj"],
            "limma": ['""', '"logFC"', '"AveExpr"', '"t"', '"P.Value"', '"adj.P.Val"', '"B"'],
            "scanpy": ["", "group", "names", "scores", "logfoldchanges", "pvals", "pvals_adj"],
            "matrix": ["gene", "a", "b", "c"],
            "signature": ["gene", "direction"],
        }[tool]
        return _table(header, rows, "," if tool in ("limma", "scanpy") else "\t")

    return text


def _read_de(path: Path) -> int:
    import decode

    return int(decode.read_de_table(path).counts["n_rows"])


def _signature_rows(lines: Lines) -> int:
    is_row = lines[0].split("\t")[-1].strip().lower() in ("up", "down")  # the header may be gone
    return below_header(lines) + is_row


def signatures() -> str:
    """A table of signatures."""
    rows: list[list[object]] = [
        [("KD1", "KO2")[i % 2], symbol, ("up", "down")[i % 3 % 2]] for i, symbol in enumerate(SYMBOLS)
    ]
    return _table(["signature_id", "gene", "change"], rows)


def _read_signatures(path: Path) -> int:
    from decode.expression.signatures import read_signatures

    return int(read_signatures(path).counts["n_rows"])


def names() -> str:
    """One gene a line."""
    return "# a list\n" + "\n".join(SYMBOLS) + "\n"


def _read_up(path: Path) -> int:
    from decode.expression.gene_signature import read_signature

    with _warnings() as said:
        n_rows = int(read_signature(path, None).counts["n_rows"])
    return n_rows + _left_out(said)


def _read_gene_list(path: Path) -> int:
    from decode.regulators.gene_lists import read_gene_list

    return len(read_gene_list(path))


def _read_factors(path: Path) -> int:
    from decode.drivers.factors import read_sequence_specific

    return len(read_sequence_specific(path))


def id_map() -> str:
    """Name and gene id."""
    return _table(None, [[f"OLD{i}", gene] for i, gene in enumerate(GENES)])


def hgnc() -> str:
    """Columns of the HGNC complete set."""
    rows: list[list[object]] = [
        [symbol, f'"P{i}|Q{i}"', f"ALIAS{i}", gene, 1000 + i]
        for i, (gene, symbol) in enumerate(zip(GENES, SYMBOLS, strict=True))
    ]
    return _table(["symbol", "prev_symbol", "alias_symbol", "ensembl_gene_id", "entrez_id"], rows)


def read_map(path: Path) -> int:
    from decode.core.id_maps import read_map as columns_of
    from decode.core.ids import resolve_ids

    resolve_ids(["OLD3", "P7", "GENE2"], _genes()[["gene_id", "gene_name"]], path, on_ambiguous="count")
    columns = columns_of(path)
    return len(next(iter(columns.values()))) + int("symbol" in columns)


def gmt() -> str:
    """Gene sets."""
    return _table(None, [[f"SET{i}", "https://example.org", *SYMBOLS[i : i + 6]] for i in range(12)])


def _read_gmt(path: Path) -> int:
    import decode

    with _warnings() as said:
        n_sets = len(decode.read_gmt(path))
    hollow = [re.match(r"(\d+) gene sets have no gene", text) for text in said]
    return n_sets + sum(int(one[1]) for one in hollow if one)


def pli() -> str:
    """Genes and their pLI."""
    return _table(
        ["gene", "pLI", "pRec"], [[symbol, round(1 - i / 1000, 4), 0.999] for i, symbol in enumerate(SYMBOLS)]
    )


def _read_pli(path: Path) -> int:
    from decode.regulators.gene_lists import read_pli

    return len(read_pli(path, threshold=PLI)[f"pLI>{PLI:g}"])


def _pli_rows(lines: Lines) -> int | None:
    """Distinct genes above the threshold, of rows as wide as the header."""
    header, rows = _columns(lines[0]), [line.split("\t") for line in lines[1:]]
    if not {"gene", "pli"} <= set(header):
        return None
    genes = set()
    for row in rows:
        with suppress(ValueError, IndexError):
            if float(row[header.index("pli")]) > PLI:
                genes.add(row[header.index("gene")])
    return len(genes)


def pairs() -> str:
    """Pairs of names."""
    return _table(None, [[symbol, SYMBOLS[(i * i) % 5]] for i, symbol in enumerate(SYMBOLS)])


def _read_hubs(path: Path) -> int:
    from decode.regulators.gene_lists import read_hubs

    with _warnings(logging.INFO) as said:
        read_hubs(path)
    return _told(said, r"^interactions .*: (\d+) pairs, ")


def _pair_rows(lines: Lines) -> int:
    """Distinct pairs, whichever comes first."""
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines if not line.startswith("#")]
    return len({frozenset(cell.strip() for cell in row[:2]) for row in rows})


def _read_complexes(path: Path) -> int:
    from decode.regulators.genes import read_complexes

    return sum(map(len, read_complexes(path).values()))


def network() -> str:
    """Edges with a weight."""
    rows: list[list[object]] = [
        [("MYC", "TP53")[i % 2], "A", symbol, (1, -1)[i % 2]] for i, symbol in enumerate(SYMBOLS)
    ]
    return _table(["tf", "confidence", "target", "mor"], rows)


def _read_network(path: Path) -> int:
    from decode.drivers.networks import read_network

    with _warnings(logging.INFO) as said:
        n_pairs = len(read_network(path))
    return n_pairs + _told(said, r"left out: (\d+) rows without a name, (\d+) repeated pairs$")


def links() -> str:
    """Enhancers and their genes."""
    rows: list[list[object]] = [
        ["chr1", 9000 + 900 * i, 9400 + 900 * i, symbol, 0.5] for i, symbol in enumerate(SYMBOLS)
    ]
    return _table(["chr", "start", "end", "TargetGene", "ABC.Score"], rows)


def _links_rows(lines: Lines) -> int:
    lines = [line for line in lines if line.split(" ")[0] not in ("track", "browser")]
    separator = "\t" if lines and "\t" in lines[0] else ","
    names = [cell.strip().lower() for cell in lines[0].lstrip("#").split(separator)] if lines else []
    has_header = bool({"start", "chromstart"} & set(names)) and bool({"end", "stop", "chromend"} & set(names))
    return no_comments(lines[has_header:])


def _read_links(path: Path) -> int:
    from decode.genome.assembly import get_assembly
    from decode.genome.links import read_links

    return int(read_links(path, get_assembly("hg38"), _genes()).counts["n_rows"])


def prior() -> str:
    """The DE prior."""
    rows: list[list[object]] = [[i, symbol, round(i / N_GENES, 4)] for i, symbol in enumerate(SYMBOLS)]
    return _table(["Order", "Gene_Name", "DE_Prior_Rank"], rows)


def _read_prior(path: Path) -> int:
    import decode

    with _warnings(logging.INFO) as said:
        decode.read_de_prior(path, _genes())
    return _told(said, r"^DE prior: \d+ of (\d+) genes found$") + _left_out(said)


def ranking() -> str:
    """A ranking of regulators."""
    rows: list[list[object]] = [
        ["overall", "TF", symbol, 2, 30 + i, 0.1 * i, 0.2, "", 0.5] for i, symbol in enumerate(SYMBOLS)
    ]
    return _table(["task", "kind", "regulator", "n_tracks", "n_bound_genes", "mean", "mean_abs", "z", "fdr"], rows)


def _read_ranking(path: Path) -> int:
    import decode

    return len(decode.read_ranking(path))


def activity() -> str:
    """Activities of regulators."""
    return _table(["sample", "TF:MYC", "RBP:AGO2"], [[f"S{i}", 0.5 * i, -i] for i in range(20)])


def _read_activity(path: Path) -> int:
    from decode.persons.tables import read_activity

    return len(read_activity(path))


def samples() -> str:
    """A table of samples."""
    rows: list[list[object]] = [[f"S{i}", 30 + i % 7, ("F", "M")[i % 2], ("x", "y", "z")[i % 3]] for i in range(20)]
    return _table(["sample", "age", "sex", "batch"], rows)


def _read_samples(path: Path) -> int:
    from decode.core.checks import naming
    from decode.expression.covariates import covariate_columns
    from decode.expression.samples import read_samples

    wanted = [f"S{i}" for i in range(2, 18)]
    table = read_samples(path, wanted, complete_only=True)
    with naming(str(path)):  # it takes a frame and cannot know the file
        covariate_columns(table, [column for column in ("age", "sex", "batch") if column in table])
    return len(table)


def _samples_rows(lines: Lines) -> int:
    separator = next((mark for mark in "\t,;" if mark in lines[0]), "\t")
    wanted = {f"S{i}" for i in range(2, 18)}
    return len(wanted & {line.split(separator)[0].replace('"', "").strip() for line in lines[1:]})


def groups() -> str:
    """Two columns with a header."""
    return _table(["task", "group"], [[f"task{i}", f"group{i % 3}"] for i in range(12)])


def _read_tissue_groups(path: Path) -> int:
    from decode.expression.tissue_groups import read_tissue_groups

    return len(read_tissue_groups(path))


def _tissue_rows(lines: Lines) -> int:
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    is_header = bool(rows) and [cell.strip().lower() for cell in rows[0][:2]] == ["task", "group"]
    return len(rows) - is_header


def families() -> str:
    """Genes and their families."""
    return _table(["gene_id", "group"], [[gene, f"family{i % 5}"] for i, gene in enumerate(GENES)])


def _read_families(path: Path) -> int:
    from decode.dataset.split import read_groups

    return len(read_groups(path))


def _family_rows(lines: Lines) -> int:
    rows = [line.split("\t")[0].strip().lower() for line in lines if not line.startswith("#")]
    return len(rows) - (bool(rows) and rows[0] in ("gene_id", "gene"))


def probes() -> str:
    """Probes and their genes."""
    rows: list[list[object]] = [
        [f"{i}_at", gene, symbol] for i, (gene, symbol) in enumerate(zip(GENES, SYMBOLS, strict=True))
    ]
    return _table(["probe", "gene_id", "gene_name"], rows)


def _read_probes(path: Path) -> int:
    from decode.landmark.probes import read_probe_map

    with _warnings(logging.INFO) as said:
        n_pairs = len(read_probe_map(path))
    return n_pairs + _left_out(said) + _told(said, r"^probe map: (\d+) pairs are repeated")


def quant() -> str:
    """Salmon's table of one sample."""
    rows: list[list[object]] = [[f"{gene}.1", 1000, 800.5, round(7.5 * i, 2), i] for i, gene in enumerate(GENES)]
    return _table(["Name", "Length", "EffectiveLength", "TPM", "NumReads"], rows)


def _read_quant(path: Path) -> int:
    from decode.expression.sample_files import read_sample_files

    counts = read_sample_files(path.parent).counts
    return int(counts["n_file_rows"]) + int(counts.get("n_rows_without_a_name", 0))


def panel() -> str:
    """A panel of genes."""
    return _table(["rank", "gene_id"], [[i, gene] for i, gene in enumerate(GENES)])


def _read_panel(path: Path) -> int:
    from decode.cli.inputs import read_panel

    return len(read_panel(path))


def configuration() -> str:
    """A configuration as JSON."""
    return '{"network": {"architecture": "default", "width": 64},\n "training": {"members": 3, "seed": 1}}\n'


def _read_configuration(path: Path) -> int:
    from decode.tuning.config_file import read_config

    found = read_config(path)
    given = json.loads(read_bytes(path))
    parts = {"network": found.network.to_json(), "training": found.training.to_json()}
    return sum(parts[part].get(name) == value for part in given for name, value in given[part].items())


def _configuration_rows(lines: Lines) -> int | None:
    """Values of both sections."""
    try:
        sections = json.loads("\n".join(lines))
        return sum(len(section) for section in sections.values())
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None


READERS: tuple[Reader, ...] = (
    Reader("annotation: GTF", "genes.gtf", gtf, _read_gtf, _gtf_rows),
    Reader("annotation: genePred", "genes.txt", genepred, _read_genepred, no_comments),
    Reader("sites: BED4", "sites.bed", _bed(4), _site_reader("TF"), bed_rows),
    Reader("sites: BED6", "sites.bed", _bed(6), _site_reader("RBP", min_score=5), bed_rows),
    Reader("sites: narrowPeak", "CTCF.narrowPeak", _bed(10), _site_reader("TF"), bed_rows),
    Reader("sites: GTRD", "meta.interval", gtrd, _site_reader("TF", format="gtrd"), bed_rows),
    Reader("sites: POSTAR", "postar.txt", postar, _site_reader("RBP"), bed_rows),
    Reader("sites: TargetScan", "targets.bed", targetscan, _site_reader("miRNA", format="targetscan"), bed_rows),
    Reader("liftover: chain", "a.over.chain", chain, _read_chain, _uncounted),
    Reader("liftover: narrowPeak", "sites.narrowPeak", _bed(10), _read_lifted, bed_rows),
    Reader("liftover: BED12", "sites.bed", _bed(12), _read_lifted, bed_rows),
    Reader("chromosome sizes", "sizes.tsv", sizes, _read_sizes, no_comments),
    Reader("links", "links.tsv", links, _read_links, _links_rows),
    Reader("expression: TSV", "tpm.tsv", _matrix(), _read_expression, below_header),
    Reader("expression: CSV", "tpm.csv", _matrix(","), _read_expression, below_header),
    Reader("expression: GCT", "tpm.gct", gct, _read_expression, _gct_rows),
    Reader("sample files", "quant.sf", quant, _read_quant, below_header),
    Reader("targets", "targets.tsv", targets, _read_targets, below_header),
    Reader("DE: DESeq2", "de.tsv", _de("deseq2"), _read_de, below_header),
    Reader("DE: limma", "de.csv", _de("limma"), _read_de, below_header),
    Reader("DE: scanpy", "de.csv", _de("scanpy"), _read_de, below_header),
    Reader("DE: matrix", "de.tsv", _de("matrix"), _read_de, below_header),
    Reader("DE: up and down", "de.tsv", _de("signature"), _read_de, _signature_rows),
    Reader(
        "signatures", "signatures.tsv", signatures, _read_signatures, _with_columns("signature_id", "gene", "change")
    ),
    Reader("signature list", "up.txt", names, _read_up, no_comments),
    Reader("DE prior", "prior.tsv", prior, _read_prior, below_header),
    Reader("id map", "map.tsv", id_map, read_map, len),
    Reader("id map: HGNC", "hgnc.tsv", hgnc, read_map, len),
    Reader("gene list", "genes.txt", names, _read_gene_list, _distinct),
    Reader("factor list", "tfs.txt", names, _read_factors, _distinct),
    Reader("gene sets", "sets.gmt", gmt, _read_gmt, len),
    Reader("pLI table", "pli.tsv", pli, _read_pli, _pli_rows),
    Reader("interactions", "ppi.tsv", pairs, _read_hubs, _pair_rows),
    Reader("complexes", "complexes.tsv", pairs, _read_complexes, no_comments),
    Reader("network", "network.tsv", network, _read_network, _with_columns("tf", "target")),
    Reader("samples", "samples.tsv", samples, _read_samples, _samples_rows),
    Reader("ranking", "ranking.tsv", ranking, _read_ranking, lambda lines: max(len(lines) - 1, 0)),
    Reader("activities", "activity.tsv", activity, _read_activity, lambda lines: max(len(lines) - 1, 0)),
    Reader("tissue groups", "groups.tsv", groups, _read_tissue_groups, _tissue_rows),
    Reader("gene families", "families.tsv", families, _read_families, _family_rows),
    Reader("probe map", "probes.tsv", probes, _read_probes, _with_columns("probe", "gene_id")),
    Reader("panel", "panel.tsv", panel, _read_panel, _with_columns("gene_id")),
    Reader("configuration", "config.json", configuration, _read_configuration, _configuration_rows),
)
