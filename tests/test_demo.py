from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from kinds import kinds_of

from decode.demo import MECHANISMS, NEXT_STEPS, compare_with_truth, contrast_drivers, planted_contributions, run_demo
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation
from decode.report.judged_drivers import driver_counts, judged_figures, judged_text
from decode.synthetic import ToyData, judge_drivers, make_toy_contrast, make_toy_data, toy_sources


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyData:
    return make_toy_data(tmp_path_factory.mktemp("toy"), n_genes=300)


def signal_of(toy: ToyData) -> pd.DataFrame:
    return pd.read_csv(toy.truth_signal, sep="\t")


def test_contributions_add_up_to_the_signal(toy: ToyData) -> None:
    signal = signal_of(toy)
    tasks = list(signal.columns[1:])
    parts = planted_contributions(toy, signal["gene_id"].tolist(), tasks[1:])
    assert list(parts) == list(MECHANISMS.values())
    total = sum(parts.values())
    centred = [values - values.mean(axis=1, keepdims=True) for values in (total, signal[tasks[1:]].to_numpy())]
    np.testing.assert_allclose(*centred, atol=1e-9)


def test_the_signal_itself_recovers_everything(toy: ToyData) -> None:
    signal = signal_of(toy).iloc[:60]
    tasks = list(signal.columns[1:])
    noisy = signal.assign(**{task: signal[task] + np.random.default_rng(0).normal(size=60) for task in tasks})
    values = signal[tasks].to_numpy()
    noise = np.random.default_rng(1).normal(size=values.shape)
    half = {
        "model": 0.5 * values,
        "paper": values + noise,
        "ridge_totals": np.zeros_like(values),
        "mean": np.ones_like(values),
    }
    metrics = {"task_kinds": dict(zip(tasks, kinds_of(tasks), strict=True))}
    evaluation = SimpleNamespace(actual=noisy, metrics=metrics)
    truth, recovered = compare_with_truth(toy, evaluation, half)  # type: ignore[arg-type]
    np.testing.assert_allclose(recovered["model"], 1, atol=1e-9)
    assert recovered["paper"].between(0.2, 0.9).all()
    assert recovered["ridge_totals"].isna().all()  # a constant contains nothing
    assert truth["against_signal"]["model"]["fold_change_mean_spearman"] == pytest.approx(1)
    assert np.isnan(truth["against_signal"]["mean"]["fold_change_mean_spearman"])
    assert 0.5 < truth["achievable"]["fold_change_mean_spearman"] < 1


def test_drivers_of_the_contrast_against_what_was_planted(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path, n_genes=1500, seed=3)
    genes = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    features = build_features(genes, toy_sources(toy))
    for scale, least, most in ((1.5, 4, 6), (0.0, 0, 0)):
        contrast = make_toy_contrast(tmp_path, toy, seed=3, scale=scale)
        found = contrast_drivers(contrast, features, genes)
        judged = judge_drivers(found.drivers, contrast.truth)
        counts = driver_counts(judged)
        assert least <= counts["found"] <= most
        assert len(counts["false"]) <= 1
        assert counts["n_planted"] == (6 if scale else 0)
        if scale:
            assert judged["verdict"].iloc[:3].tolist() == ["found"] * 3
            assert not judged.loc[judged["role"].isin(["decoy", "co_bound_decoy"]), "is_called"].any()
            text = judged_text(judged)
            assert "right: found" in text
            assert f"{counts['found']} of 6 planted drivers found" in text
            assert set(judged_figures(found, judged)) == {"drivers", "volcano", "positions"}
    assert (tmp_path / "contrast_de.tsv.gz").is_file()


def test_next_steps_are_commands_with_known_options() -> None:
    from typer.main import get_command

    from decode.cli.app import app

    known = get_command(app)
    commands = [part.split() for line in NEXT_STEPS.splitlines()[1:] for part in line.split("&&")]
    assert len(commands) >= 4
    for words in commands:
        assert words[0] == "decode"
        command, names = known, words[1:]
        while hasattr(command, "commands"):
            command = command.commands[names.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in names if word.startswith("--")} <= options


@pytest.mark.parametrize(("options", "message"), [({"members": 0}, "members is 0"), ({"n_genes": 5}, "n_genes is 5")])
def test_bad_options(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_demo(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_missing_parent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        run_demo(tmp_path / "absent" / "out")


@pytest.mark.slow
def test_the_demo_predicts_what_was_planted(tmp_path: Path) -> None:
    result = run_demo(tmp_path / "out")
    metrics = json.loads((result.folder / "metrics.json").read_text())
    assert metrics["split"] == "test"
    model, ridge = metrics["model"], metrics["baselines"]["ridge_totals"]
    achievable = metrics["truth"]["achievable"]
    for name in ("fold_change_mean_spearman", "median_level_spearman"):
        assert 0.5 * achievable[name] < model[name] < achievable[name]
    assert model["fold_change_mean_spearman"] > ridge["fold_change_mean_spearman"] - 0.02
    assert metrics["baselines"]["mean"]["fold_change_mean_spearman"] is None
    assert metrics["specificity"]["n_own_highest"] >= 6
    assert result.recovered.loc["activating TFs", "model"] > 0.5
    assert result.seconds < 180
    assert result.drivers["verdict"].eq("found").sum() >= 5
    assert metrics["truth"]["drivers"]["false"] == []
    rows = {(row["name"], row["figure"]): row for row in metrics["truth"]["intervals"]}
    own = rows["model", "fold_change_mean_spearman"]
    assert own["low"] < own["value"] < own["high"]
    assert own["value"] == pytest.approx(model["fold_change_mean_spearman"], abs=1e-6)
    assert "achievable" in (result.folder / "summary.txt").read_text()
    evaluated = ("per_task", "specificity", "fold_change", "median_level", "training")
    for name in (f"{stem}.png" for stem in (*evaluated, "drivers", "volcano", "positions")):
        assert (result.folder / name).stat().st_size > 5000
    assert (result.folder / "model" / "bundle.json").is_file()


def test_structure_is_a_mechanism_of_its_own(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path, n_genes=100, junction_effect_log2=1.0)
    signal = signal_of(toy)
    tasks = list(signal.columns[1:])
    values = signal[tasks].to_numpy()
    evaluation = SimpleNamespace(actual=signal, metrics={"task_kinds": dict(zip(tasks, kinds_of(tasks), strict=True))})
    sites = sum(planted_contributions(toy, signal["gene_id"].tolist(), tasks[1:]).values())
    predicted = {"model": values, "paper": np.hstack([values[:, :1], sites]), "ridge_totals": values}
    _, recovered = compare_with_truth(toy, evaluation, predicted)  # type: ignore[arg-type]
    assert recovered.index[-1] == "gene structure (no site)"
    np.testing.assert_allclose(recovered["model"], 1, atol=1e-6)
    assert np.isnan(recovered.loc["gene structure (no site)", "paper"])  # sites alone leave nothing of it
    np.testing.assert_allclose(recovered["paper"].iloc[:-1], 1, atol=1e-6)
