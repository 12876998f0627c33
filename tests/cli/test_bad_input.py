"""Bad input: one clear sentence, exit status 2, nothing half-written."""

# ruff: noqa: E501  one case a line reads as a table

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest
from command_line import call

from decode.features.matrix import RegulatoryFeatures
from decode.synthetic import ToyData

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kit:
    """Good files to spoil, a folder for the spoiled ones, and the folder that outputs go to."""

    toy: ToyData
    features: Path
    targets: Path
    model: Path
    build_options: list[object]
    inputs: Path
    outputs: Path

    @property
    def out(self) -> Path:
        return self.outputs / "out"

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.inputs / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def truncated(self, path: Path) -> Path:
        return self.file(f"truncated_{path.name}", path.read_bytes()[: path.stat().st_size * 2 // 3])

    def build(self, **changes: object) -> list[object]:
        """`decode features build` with some options of the toy command replaced."""
        options = {
            str(name): value for name, value in zip(self.build_options[::2], self.build_options[1::2], strict=True)
        }
        options.pop("--biosample-column")
        options["--rna-sites"] = f"RBP={self.toy.rna_sites}"
        options |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
        flat = [part for name, value in options.items() if value is not None for part in (name, value)]
        return ["features", "build", *flat, "--out", self.out]

    def tf(self, rows: str) -> list[object]:
        return self.build(promoter_sites=f"TF={self.file('sites.bed', rows)}")

    def rbp(self, rows: str) -> list[object]:
        return self.build(rna_sites=f"RBP={self.file('sites.bed', rows)}")

    def annotated(self, content: str | bytes) -> list[object]:
        return self.build(annotation=self.file("annotation.gtf", content))

    def train(self, targets: Path | None = None, *options: object, features: Path | None = None) -> list[object]:
        out = ("--out", self.out, "--members", 1, "--max-epochs", 1)
        return ["train", features or self.features, targets or self.targets, *out, *options]

    def targets_with(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> list[object]:
        path = self.inputs / "targets.tsv"
        change(pd.read_csv(self.targets, sep="\t")).to_csv(path, sep="\t", index=False)
        return self.train(path)

    def altered_features(self, change: Callable[[h5py.File], Any]) -> Path:
        path = Path(shutil.copy(self.features, self.inputs / "features.h5"))
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def altered_model(self, change: Callable[[Path], Any]) -> list[object]:
        path = Path(shutil.copytree(self.model, self.inputs / "model"))
        change(path)
        return ["predict", path, self.features, "--out", self.out]

    def predict(self, features: Path) -> list[object]:
        return ["predict", self.model, features, "--out", self.out]

    def tissue(self, content: str | bytes, name: str = "tpm.tsv") -> list[object]:
        return ["expression", "tissue", self.file(name, content), "--out", self.out]

    def lift(self, sites: str | bytes, chain: str = "chain 1 chr1 9 + 0 9 chr1 9 + 0 9 1\n9\n\n") -> list[object]:
        paths = [self.file("sites.bed", sites), "--chain", self.file("a.chain", chain)]
        return ["sites", "liftover", *paths, "--out", self.out]


class Case(NamedTuple):
    """One way to go wrong.

    name : what is wrong.
    command : makes the files and gives the arguments.
    words : what the sentence must hold.
    """

    name: str
    command: Callable[[Kit], list[object]]
    words: list[str]


GENE = 'chr1\tx\t{kind}\t{start}\t{end}\t.\t+\t.\tgene_id "{gene}"; transcript_id "{gene}T{start}"; gene_name "n";\n'


def gtf(*genes: tuple[str, int]) -> str:
    rows = [(gene, kind, start) for gene, start in genes for kind in ("gene", "transcript", "exon")]
    return "".join(GENE.format(gene=gene, kind=kind, start=start, end=start + 500) for gene, kind, start in rows)


def alter_weights(folder: Path) -> None:
    with np.load(folder / "member_0.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    arrays["dense_0/bias"] += 1
    np.savez(folder / "member_0.npz", **arrays)


def alter_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(record | changes))


def rebuilt(kit: Kit, *options: object) -> Path:
    """Features of the same genes, built otherwise."""
    path = kit.inputs / "other.h5"
    result = call("features", "build", *kit.build_options, *options, "--out", path)
    assert result.status == 0, result.err
    return path


def without(kit: Kit, kind: str) -> Path:
    features = RegulatoryFeatures.read(kit.features)
    path = kit.inputs / "fewer.h5"
    features.select(kinds=sorted(set(features.tracks["kind"]) - {kind})).write(path)
    return path


def moved(kit: Kit, shift: int) -> list[object]:
    """Sites of the toy genome, off by some bases as those of another build are."""
    rows = [line.split("\t") for line in gzip.decompress(kit.toy.promoter_sites.read_bytes()).decode().splitlines()]
    sizes = dict(line.split("\t") for line in kit.toy.sizes.read_text().splitlines())
    text = "".join(
        "\t".join([row[0], str(int(row[1]) + shift), str(int(row[2]) + shift), *row[3:6]]) + "\n"
        for row in rows
        if int(row[2]) + shift < int(sizes[row[0]])
    )
    return kit.tf(text)


def folder_without_sites(kit: Kit) -> list[object]:
    folder = kit.inputs / "chip"
    folder.mkdir()
    (folder / "CTCF.bedGraph").write_text("chr1\t1\t2\t3\n")
    return kit.build(promoter_sites=f"TF={folder}")


def folder_with_twins(kit: Kit) -> list[object]:
    folder = kit.inputs / "chip"
    folder.mkdir()
    (folder / "CTCF.bed").write_text("chr1\t1\t2\n")
    (folder / "CTCF.bed.gz").write_bytes(gzip.compress(b"chr1\t1\t2\n"))
    return kit.build(promoter_sites=f"TF={folder}")


def nowhere(kit: Kit, command: list[object]) -> list[object]:
    """The same command with an output folder that does not exist."""
    return [kit.outputs / "absent" / "out" if part == kit.out else part for part in command]


def behind_a_file(kit: Kit, command: list[object]) -> list[object]:
    """The same command with an output below something that is no folder: nobody can write there, root neither."""
    return [kit.file("plain", "x") / "out" if part == kit.out else part for part in command]


def evaluate(kit: Kit, **changes: Path) -> list[object]:
    given = {"model": kit.model, "features": kit.features, "targets": kit.targets} | changes
    return ["evaluate", *given.values(), "--out", kit.out]


SITE = "chr1\t100\t150\tCTCF\t0\t+\n"
MATCHING = "rows match the"

CASES = [
    # sites
    Case("sites: truncated gzip", lambda kit: kit.build(promoter_sites=f"TF={kit.truncated(kit.toy.promoter_sites)}"), ["truncated or damaged gzip", "promoter_sites"]),
    Case("sites: text where a number belongs", lambda kit: kit.tf(f"{SITE}chr1\tten\t150\tCTCF\n"), ["sites.bed", "line 2", "ten"]),
    Case("sites: a fraction", lambda kit: kit.tf(f"{SITE}chr1\t100.5\t150\tCTCF\n"), ["line 2", "100.5"]),
    Case("sites: negative coordinates", lambda kit: kit.tf(f"{SITE}chr1\t-5\t150\tCTCF\n"), ["line 2", "-5"]),
    Case("sites: beyond the chromosome", lambda kit: kit.tf(f"{SITE}chr1\t100\t99999999\tCTCF\n"), ["line 2", "99999999", "build"]),
    Case("sites: start is end", lambda kit: kit.tf(f"{SITE}chr1\t100\t100\tCTCF\n"), ["line 2", "the start is not below the end"]),
    Case("sites: start after end", lambda kit: kit.tf(f"{SITE}chr1\t100\t50\tCTCF\n"), ["line 2", "the start is not below the end"]),
    Case("sites: no strand for RNA", lambda kit: kit.rbp("chr1\t100\t150\tPUM2\n"), ["sites.bed", "strand"]),
    Case("sites: a strand that is none", lambda kit: kit.rbp("chr1\t100\t150\tPUM2\t0\tplus\n"), ["strand", "plus"]),
    Case("sites: unknown chromosomes only", lambda kit: kit.tf("chrUn_7\t100\t150\tCTCF\n"), ["chrUn_7"]),
    Case("sites: two columns", lambda kit: kit.tf("chr1\t100\n"), ["sites.bed", "column"]),
    Case("sites: empty file", lambda kit: kit.tf(""), ["sites.bed is empty"]),
    Case("sites: only comments", lambda kit: kit.tf("# nothing\n"), ["sites.bed"]),
    Case("sites: a zip archive", lambda kit: kit.build(promoter_sites=f"TF={kit.file('sites.bed', b'PK' + bytes([3, 4]) * 9)}"), ["zip archive"]),
    Case("sites: absent file", lambda kit: kit.build(promoter_sites=f"TF={kit.inputs / 'no.bed'}"), ["no.bed does not exist"]),
    Case("sites: folder without a file of sites", folder_without_sites, ["has no file of TF sites", "CTCF.bedGraph"]),
    Case("sites: two files of one regulator", folder_with_twins, ["several files of one regulator", "CTCF.bed and CTCF.bed.gz"]),
    Case("sites: of another build", lambda kit: moved(kit, 30_000), ["another genome build"]),
    # annotation and build
    Case("annotation: unknown build", lambda kit: kit.build(build="hg17", sizes=None), ["hg17", "hg19"]),
    Case("annotation: sizes that are none", lambda kit: kit.build(sizes=kit.file("sizes", "chr1\tlong\n")), ["sizes", "long"]),
    Case("annotation: no genes", lambda kit: kit.annotated("##gtf\n" + gtf(("G1", 900)).replace("gene\t", "CDS\t").replace("transcript\t", "CDS\t").replace("exon\t", "CDS\t")), ["annotation.gtf", "no "]),
    Case("annotation: only comments", lambda kit: kit.annotated("##description: nothing\n"), ["annotation.gtf"]),
    Case("annotation: duplicate gene ids", lambda kit: kit.annotated(gtf(("G1", 900), ("G2", 3000), ("G1", 9000))), ["G1", "several gene lines", "keep one of each"]),
    Case("annotation: empty", lambda kit: kit.annotated(""), ["annotation.gtf is empty"]),
    Case("annotation: truncated gzip", lambda kit: kit.build(annotation=kit.truncated(kit.toy.annotation)), ["truncated or damaged gzip"]),
    Case("annotation: text where a number belongs", lambda kit: kit.annotated(gtf(("G1", 900)).replace("900\t1400", "900\tfar", 1)), ["annotation.gtf", "far"]),
    Case("annotation: beyond the chromosome", lambda kit: kit.annotated(gtf(("G1", 99_999_999))), ["chr1", "build"]),
    Case("annotation: a BED file", lambda kit: kit.annotated(SITE), ["annotation.gtf"]),
    # features files
    Case("features: another schema version", lambda kit: ["features", "info", kit.altered_features(lambda file: file.attrs.modify("schema_version", 99))], ["schema version 99", "build it again"]),
    Case("features: truncated", lambda kit: ["features", "info", kit.truncated(kit.features)], ["truncated_features.h5", "damaged"]),
    Case("features: no HDF5", lambda kit: ["features", "info", kit.file("features.h5", "text")], ["is not a features file"]),
    Case("features: another HDF5 file", lambda kit: ["features", "info", kit.altered_features(lambda file: file.attrs.modify("format", "other"))], ["no features file"]),
    Case("features: empty", lambda kit: ["features", "info", kit.file("features.h5", "")], ["features.h5 is empty"]),
    Case("features: an absent gene", lambda kit: ["features", "export", kit.features, "--genes", "GX", "--out", kit.out], ["GX"]),
    Case("train: another schema version", lambda kit: kit.train(features=kit.altered_features(lambda file: file.attrs.modify("schema_version", 99))), ["schema version 99"]),
    # expression
    Case("expression: truncated gzip", lambda kit: ["expression", "tissue", kit.truncated(kit.toy.tissue_tpm), "--out", kit.out], ["truncated or damaged gzip"]),
    Case("expression: text where a number belongs", lambda kit: kit.tissue("gene_id\ta\tb\nG1\t1\thigh\n"), ["high", "G1", "column b"]),
    Case("expression: negative", lambda kit: kit.tissue("gene_id\ta\tb\nG1\t1\t-3\n"), ["negative", "G1"]),
    Case("expression: duplicate gene ids", lambda kit: kit.tissue("gene_id\ta\tb\nG1\t1\t3\nG1\t1\t4\n"), ["G1", "more than once"]),
    Case("expression: empty", lambda kit: kit.tissue(""), ["tpm.tsv is empty"]),
    Case("expression: a header alone", lambda kit: kit.tissue("gene_id\ta\tb\n"), ["no row"]),
    Case("expression: ragged", lambda kit: kit.tissue("gene_id\ta\tb\nG1\t1\n"), ["line 2"]),
    Case("expression: a workbook", lambda kit: kit.tissue(b"PK\x03\x04" + bytes(50), "tpm.xlsx"), ["spreadsheet"]),
    Case("expression: nothing expressed", lambda kit: kit.tissue("gene_id\ta\tb\nG1\t0\t0\n"), ["no gene is left"]),
    Case("expression: log values as TPM", lambda kit: ["expression", "table", kit.file("log.tsv", "g\ta\nG1\t-3\n"), "--out", kit.out], ["--already-log2"]),
    # targets
    Case("targets: no gene matches", lambda kit: kit.targets_with(lambda table: table.assign(gene_id="X" + table["gene_id"])), ["0 of", MATCHING, "gene id"]),
    Case("targets: less than half match", lambda kit: kit.targets_with(lambda table: table.assign(gene_id=table["gene_id"].where(np.arange(len(table)) % 3 == 0, "X" + table["gene_id"]))), [MATCHING, "unmatched: XENSTOYG"]),
    Case("targets: duplicate gene ids", lambda kit: kit.targets_with(lambda table: pd.concat([table, table.head(1)])), ["more than once", "ENSTOYG00000000001"]),
    Case("targets: text where a number belongs", lambda kit: kit.targets_with(lambda table: table.astype(object).replace({table.iloc[0, 1]: "high"})), ["high", "median_level"]),
    Case("targets: no task", lambda kit: kit.train(kit.file("targets.tsv", "gene_id\nG1\n")), ["targets.tsv"]),
    Case("targets: an expression table", lambda kit: kit.train(kit.file("targets.tsv", "Name\tliver\nG1\t3\n")), ["'Name'", "gene_id is wanted"]),
    Case("targets: truncated gzip", lambda kit: kit.train(kit.truncated(kit.targets)), ["truncated or damaged gzip"]),
    Case("targets: empty", lambda kit: kit.train(kit.file("targets.tsv", "")), ["targets.tsv is empty"]),
    Case("targets: constant", lambda kit: kit.targets_with(lambda table: table[["gene_id"]].assign(liver=1.0)), ["none of the 1 tasks varies"]),
    # options of training
    Case("train: no such biosample", lambda kit: kit.train(None, "--biosamples", "A549"), ["A549", "CellA"]),
    Case("train: no such chromosome", lambda kit: kit.train(None, "--test-chromosome", "chr9"), ["chr9 holds no gene", "chr1"]),
    Case("train: nothing left to train on", lambda kit: kit.train(None, "--test-chromosome", "chr1,chr2,chr3,chr4,chr5"), ["train part holds 0 genes"]),
    Case("train: no members", lambda kit: kit.train(None, "--members", 0), ["members is 0"]),
    Case("train: negative seed", lambda kit: kit.train(None, "--seed", -1), ["seed is -1"]),
    Case("train: an executor that is none", lambda kit: kit.train(None, "--executor", "cloud"), ["'cloud'", "threads:N"]),
    Case("train: groups of other genes", lambda kit: kit.train(None, "--group-file", kit.file("groups.tsv", "A\tf\nB\tf\n")), ["groups: 0 of 2", MATCHING]),
    # model bundles
    Case("model: altered weights", lambda kit: kit.altered_model(alter_weights), ["member_0.npz was altered"]),
    Case("model: altered record", lambda kit: kit.altered_model(lambda path: alter_record(path, tasks=["a"])), ["bundle.json was altered"]),
    Case("model: another schema version", lambda kit: kit.altered_model(lambda path: alter_record(path, schema_version=9)), ["schema version 9"]),
    Case("model: of an older release", lambda kit: kit.altered_model(lambda path: alter_record(path, schema_version=1)), ["schema version 1", "train it again with `decode train`"]),
    Case("model: a missing member", lambda kit: kit.altered_model(lambda path: (path / "member_1.npz").unlink()), ["lacks member_1.npz"]),
    Case("model: a damaged record", lambda kit: kit.altered_model(lambda path: (path / "bundle.json").write_text("{")), ["bundle.json is damaged"]),
    Case("model: a folder that is none", lambda kit: ["predict", kit.inputs, kit.features, "--out", kit.out], ["is no model bundle", "decode train"]),
    Case("model: a file", lambda kit: ["predict", kit.features, kit.features, "--out", kit.out], ["is no model bundle"]),
    Case("predict: other bins", lambda kit: kit.predict(rebuilt(kit, "--bin-size", 50)), ["bin_size 50", "100"]),
    Case("predict: another window", lambda kit: kit.predict(rebuilt(kit, "--upstream", 1000)), ["upstream 1000", "2000"]),
    Case("predict: another level", lambda kit: kit.predict(rebuilt(kit, "--level", "transcript")), ["level 'transcript'"]),
    Case("predict: missing tracks", lambda kit: kit.predict(without(kit, "miRNA")), ["lack 6 of the model's", "rna|miRNA:miR-"]),
    Case("evaluate: altered weights", lambda kit: evaluate(kit, model=Path(str(kit.altered_model(alter_weights)[1]))), ["was altered"]),
    Case("evaluate: missing tasks", lambda kit: evaluate(kit, targets=kit.file("targets.tsv", "gene_id\tliver\nG1\t1\n")), ["targets lack 4 of the model's tasks"]),
    Case("evaluate: a name that is taken", lambda kit: [*evaluate(kit), "--against", f"mean={kit.model}"], ["another model is named mean"]),
    Case("evaluate: against without a name", lambda kit: [*evaluate(kit), "--against", kit.model], ["--against is", "write NAME=MODEL"]),
    # liftover
    Case("liftover: truncated gzip", lambda kit: kit.lift(gzip.compress(SITE.encode() * 99)[:-20]), ["truncated or damaged gzip"]),
    Case("liftover: text where a number belongs", lambda kit: kit.lift("chr1\tten\t20\n"), ["'ten'"]),
    Case("liftover: start after end", lambda kit: kit.lift("chr1\t20\t10\n"), ["start"]),
    Case("liftover: negative coordinates", lambda kit: kit.lift("chr1\t-2\t10\n"), ["-2"]),
    Case("liftover: a chain that is none", lambda kit: kit.lift(SITE, "chr1\t100\n"), ["a.chain"]),
    Case("liftover: nothing lifted", lambda kit: kit.lift("chr9\t1\t2\n"), ["knows no chromosome of the sites (chr9)"]),
    Case("liftover: empty", lambda kit: kit.lift(""), ["sites.bed is empty"]),
    # outputs
    *(
        Case(f"{change.__name__.replace('_', ' ')}: {name}", lambda kit, make=make, change=change: change(kit, make(kit)), ["output folder", words])
        for change, words in ((nowhere, "does not exist; create it first"), (behind_a_file, "plain is a file"))
        for name, make in [
            ("features build", lambda kit: kit.build()),
            ("features export", lambda kit: ["features", "export", kit.features, "--out", kit.out]),
            ("expression tissue", lambda kit: ["expression", "tissue", kit.toy.tissue_tpm, "--out", kit.out]),
            ("expression table", lambda kit: ["expression", "table", kit.toy.tissue_tpm, "--out", kit.out]),
            ("sites liftover", lambda kit: kit.lift(SITE)),
            ("train", lambda kit: kit.train()),
            ("evaluate", evaluate),
            ("predict", lambda kit: kit.predict(kit.features)),
            ("demo", lambda kit: ["demo", "--out", kit.out]),
        ]
    ),
]  # fmt: skip


@pytest.fixture
def kit(toy, features_file, targets_file, trained, build_options, tmp_path) -> Kit:
    for name in ("inputs", "outputs"):
        (tmp_path / name).mkdir()
    return Kit(toy, features_file, targets_file, trained, build_options, tmp_path / "inputs", tmp_path / "outputs")


def check_error(status: int, err: str, words: list[str]) -> None:
    """Exit status 2; the last line of the log is the sentence, and it is the only one of its kind."""
    assert status == 2, err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("decode: error:")]
    assert len(lines) == 1, err
    assert err.rstrip().splitlines()[-1] == lines[0]
    assert len(lines[0]) <= 400
    missing = [word for word in words if word not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(run, kit, case):
    command = case.command(kit)
    result = run(*command)
    check_error(result.status, result.err, case.words)
    assert not os.listdir(kit.outputs)


OLD = [case for case in CASES if case.name.split(":")[0] in {"sites", "annotation", "expression", "model", "liftover"}]


@pytest.mark.parametrize("case", OLD[::4], ids=lambda case: case.name)
def test_an_existing_output_stays(run, kit, case):
    kit.out.write_text("old")
    assert run(*case.command(kit)).status == 2
    assert os.listdir(kit.outputs) == ["out"]
    assert kit.out.read_text() == "old"


@pytest.mark.parametrize(
    "make",
    [lambda kit: kit.train(), evaluate, lambda kit: ["demo", "--out", kit.out]],
    ids=["train", "evaluate", "demo"],
)
def test_a_file_where_a_folder_is_to_be(run, kit, make):
    kit.out.write_text("mine")
    result = run(*make(kit))
    check_error(result.status, result.err, ["out", "choose another --out"])
    assert kit.out.read_text() == "mine"
    assert os.listdir(kit.outputs) == ["out"]


@pytest.mark.parametrize(
    "make",
    [
        lambda kit: kit.build(),
        lambda kit: kit.predict(kit.features),
        lambda kit: kit.train(),
        lambda kit: ["expression", "tissue", kit.toy.tissue_tpm, "--out", kit.out],
    ],
    ids=["features", "predict", "train", "expression"],
)
def test_a_folder_where_something_else_is_to_be(run, kit, make):
    kit.out.mkdir()
    (kit.out / "mine.txt").write_text("mine")
    result = run(*make(kit))
    check_error(result.status, result.err, ["out", "choose another --out"])
    assert os.listdir(kit.out) == ["mine.txt"]
    assert os.listdir(kit.outputs) == ["out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(run, kit):
    kit.outputs.chmod(0o555)
    result = run(*kit.build())
    kit.outputs.chmod(0o755)
    check_error(result.status, result.err, ["cannot be written"])


FULL = [
    ("features build", lambda kit: kit.build(), 2000),
    ("features export", lambda kit: ["features", "export", kit.features, "--out", kit.out], 2000),
    ("expression tissue", lambda kit: ["expression", "tissue", kit.toy.tissue_tpm, "--out", kit.out], 2000),
    ("sites liftover", lambda kit: kit.lift("chr1\t1\t5\n" * 900), 2000),
    ("train: checkpoint", lambda kit: kit.train(), 20_000),
    ("evaluate", evaluate, 5000),
    ("predict", lambda kit: kit.predict(kit.features), 2000),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make", "limit_bytes"), FULL, ids=[name for name, _, _ in FULL])
def test_a_full_disk(kit, name, make, limit_bytes):
    """No file may grow beyond the limit, which the system tells as it tells a full disk."""
    code = "import sys; from decode.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, *(str(part) for part in make(kit))]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": str(kit.inputs)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )
    check_error(done.returncode, done.stderr, ["could not be written"])
    assert not os.listdir(kit.outputs)


@pytest.mark.slow
@pytest.mark.real_data
def test_hg38_sites_read_as_hg19(run, kit, shared):
    """The eCLIP sites stay inside the chromosome ends of hg19 for the most part; their places give them away."""
    result = run(
        *(
            "features",
            "build",
            "--annotation",
            shared / "data/hg19/gencode_v19_coding_collapsed.gtf.gz",
            "--build",
            "hg19",
        ),
        *("--rna-sites", f"RBP={shared / 'data/hg38/rbp_eclip_encode.bed.gz'}", "--out", kit.out),
    )
    check_error(result.status, result.err, ["hg19"])
    assert not os.listdir(kit.outputs)
