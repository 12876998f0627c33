from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from planted import TINY, TINY_PAPER

from decode.models.architectures import build_network
from decode.models.member_arrays import named_variables, read_member, write_member
from decode.models.scales import RegionScale, TaskScale


def network(config=TINY, *, seed: int = 0, n_tasks: int = 2):
    rng = np.random.default_rng(seed)
    scales = {region: RegionScale(rng.random(4), rng.random(4)) for region in ("promoter", "rna")}
    return build_network(config, scales, TaskScale(rng.random(n_tasks), rng.random(n_tasks)), seed=seed)


@pytest.fixture
def path(tmp_path):
    write_member(network().bins, tmp_path / "member_0.npz")
    return tmp_path / "member_0.npz"


def changed(path: Path, **changes: object) -> None:
    """Rewrite the file with other arrays; None takes one away."""
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays = {name: values for name, values in (arrays | changes).items() if values is not None}
    np.savez(path, **arrays)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["default", "paper"])
def test_both_views_survive_writing(config, tmp_path):
    made, other = network(config), network(config, seed=1)
    write_member(made.bins, tmp_path / "member.npz")
    read_member(other.bins, tmp_path / "member.npz")
    for view in ("bins", "pooled"):
        model = getattr(made, view)
        inputs = [np.random.default_rng(2).random((5, t.shape[1] or 7, 4)).astype(np.float32) for t in model.inputs]
        np.testing.assert_array_equal(model(inputs), getattr(other, view)(inputs))
    with np.load(tmp_path / "member.npz", allow_pickle=False) as stored:
        assert list(stored) == list(named_variables(made.bins))
        assert {stored[name].dtype.str for name in stored} == {"<f4"}
    assert len(named_variables(made.bins)) == len(made.bins.weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dense_0/bias": np.zeros(15, np.float32)}, r"array dense_0/bias of .* has shape \(15,\), .* has \(16,\)"),
        ({"dense_0/bias": np.float32(0)}, r"dense_0/bias of .* has shape \(\)"),
        ({"dense_0/bias": None}, r"lacks the array\(s\) dense_0/bias of the network"),
        ({"lambda/code": np.zeros(1, np.float32)}, r"holds the array\(s\) lambda/code that the network"),
        ({"dense_0/bias": np.zeros(16)}, r"dense_0/bias of .* is of type float64; float32 is wanted"),
        ({"dense_0/bias": np.full(16, np.nan, np.float32)}, r"weights that are not finite numbers: dense_0/bias;"),
        ({"dense_0/bias": np.full(16, np.inf, np.float32)}, r"not finite"),
    ],
)
def test_what_does_not_fit_the_network_raises(path, changes, message):
    changed(path, **changes)
    fresh = network(seed=1)
    before = fresh.bins.get_weights()
    with pytest.raises(ValueError, match=message + "(.|\n)*train or download the model again"):
        read_member(fresh.bins, path)
    for old, new in zip(before, fresh.bins.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Exploit:
    """Says so when it is unpickled."""

    ran = False

    def __reduce__(self):
        return (setattr, (Exploit, "ran", True))


def test_pickles_are_never_opened(path):
    changed(path, **{"dense_0/bias": np.array([Exploit()] * 16, dtype=object)})
    with pytest.raises(ValueError, match="is of type object; float32 is wanted"):
        read_member(network().bins, path)
    path.write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(ValueError, match=r"member_0.npz is damaged"):
        read_member(network().bins, path)
    assert not Exploit.ran


def test_an_array_given_twice_raises(path):
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("dense_0/bias.npy", archive.read("dense_0/bias.npy"))
    with pytest.raises(ValueError, match="holds an array twice"):
        read_member(network().bins, path)


@pytest.mark.parametrize("n_bytes", [0, 4, 1000, -30])
def test_a_truncated_file_raises(path, n_bytes):
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"member_0.npz is damaged .*train or download the model again"):
        read_member(network().bins, path)


def test_a_truncated_array_raises(path):
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["dense_0/bias.npy"] = contents["dense_0/bias.npy"][:-8]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"member_0.npz is damaged"):
        read_member(network().bins, path)
