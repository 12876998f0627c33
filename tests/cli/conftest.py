from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Result, call

from decode.synthetic import ToyData, make_toy_data


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    return call


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyData:
    """Toy data of 300 genes and 3 tissues as files."""
    return make_toy_data(tmp_path_factory.mktemp("toy") / "data", seed=1, n_genes=300, n_tasks=3)


@pytest.fixture(scope="session")
def build_options(toy: ToyData) -> list[object]:
    """Options of `decode features build` for the toy data, all but --out."""
    return [
        *("--annotation", toy.annotation, "--build", "toy", "--sizes", toy.sizes),
        *("--promoter-sites", f"TF={toy.promoter_sites}", "--biosample-column", "TF=7"),
        *("--rna-sites", f"RBP={toy.rna_sites}", "--biosample-column", "RBP=7"),
        *("--rna-sites", f"miRNA={toy.mirna_sites}"),
    ]


@pytest.fixture(scope="session")
def features_file(toy: ToyData, build_options: list[object]) -> Path:
    path = toy.folder.parent / "features.h5"
    result = call("features", "build", *build_options, "--out", path)
    assert result.status == 0, result.err
    return path


@pytest.fixture(scope="session")
def targets_file(toy: ToyData) -> Path:
    path = toy.folder.parent / "targets.tsv.gz"
    result = call("expression", "tissue", toy.tissue_tpm, "--out", path)
    assert result.status == 0, result.err
    return path


@pytest.fixture(scope="session")
def trained(features_file: Path, targets_file: Path) -> Path:
    """A model folder; tests that harm it take `model`."""
    path = features_file.parent / "model"
    result = call("train", features_file, targets_file, "--out", path, "--members", 2, "--max-epochs", 3)
    assert result.status == 0, result.err
    return path


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy of the model folder."""
    return Path(shutil.copytree(trained, tmp_path / "model"))
