"""docs/files.md against the code that writes the files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from decode.attribution import result
from decode.attribution.regulator_sums import VARIABLES
from decode.core.files import run_record
from decode.expression import person_reference
from decode.features import content, storage
from decode.insilico import knockout_file
from decode.landmark import autoencoder, imputation, prepared, selection
from decode.models import bundle_record
from decode.ranking import null_file

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
NAMES = {
    "Features": (*storage.HEADER, "regions", *content.TRACK_COLUMNS, *content.GENE_COLUMNS, "offsets", "indptr",
                 "indices", "data", "bin_length_bp", storage.FORMAT),
    "Model bundle": (*bundle_record._RECORD, *bundle_record.TABLES, bundle_record.BUNDLE_FILE,
                     bundle_record.PERSON_REFERENCE, *bundle_record.TRACK_COLUMNS, *bundle_record.SPLITS),
    "Attributions": (*result.DIMS, *(name for name, _, _ in VARIABLES.values()), result.FORMAT),
    "Null": (*null_file.Scores._fields, null_file.FORMAT),
    "Knockouts": (*knockout_file.MEANING, "is_bound", "n_regulators", "n_genes", knockout_file.FORMAT),
    "Reference of persons": person_reference.ARRAYS,
    "Prepared profiles, autoencoder, imputer": (
        *prepared.STATISTICS, prepared.FORMAT, "values", "gene_ids", "gene_names", "sample_ids", "split",
        "reference_quantiles", "raw_low", "raw_high", autoencoder.RECORD, autoencoder.GENES, autoencoder.HISTORY,
        autoencoder.SCALES, imputation.FORMAT, imputation.DESCRIPTION, imputation.NUMBERS, *imputation.COMMON,
    ),
    "Panels": (*selection.COLUMNS, "stability"),
    "Records of runs": (*run_record(), "kind", "files", "seeds"),
}  # fmt: skip
VERSIONS = {
    "features": content.SCHEMA_VERSION, "model bundle": bundle_record.SCHEMA_VERSION,
    "attributions": result.SCHEMA_VERSION, "null": null_file.SCHEMA_VERSION, "knockouts": knockout_file.SCHEMA_VERSION,
    "reference of persons": person_reference.SCHEMA_VERSION, "prepared profiles": prepared.SCHEMA_VERSION,
    "autoencoder, imputer": autoencoder.SCHEMA_VERSION,
}  # fmt: skip


@pytest.mark.parametrize("section", NAMES)
def test_every_name_of_a_format_is_described(section):
    words = {part for code in re.findall(r"`([^`\n]+)`", SECTIONS[section]) for part in re.split(r"[\s,()]+", code)}
    words |= set(re.findall(r"\w+", SECTIONS[section]))
    lacking = [name for name in NAMES[section] if name not in words]
    assert not lacking, f"docs/files.md, {section}: {', '.join(lacking)}"


@pytest.mark.parametrize("name", VERSIONS)
def test_schema_versions_are_those_of_the_code(name):
    (row,) = re.findall(rf"^\| \[{re.escape(name)}\].*\| (\d+) \|$", PAGE, re.MULTILINE)
    assert int(row) == VERSIONS[name]


def test_features_are_read_as_the_page_says(tmp_path, monkeypatch):
    file = ROOT / "decode" / "registry" / "encode-hg19" / "encode-hg19.h5"
    (tmp_path / "features.h5").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", SECTIONS["Features"], re.DOTALL)
    found: dict = {}
    exec(code, found)
    features = storage.read_content(file)
    assert found["header"]["build"] == features["build"]
    assert (found["promoter"] != features["regions"]["promoter"].data).nnz == 0
