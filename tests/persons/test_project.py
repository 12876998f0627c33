from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted import planted_dataset, quick_bundle
from scipy import stats

from decode.models.bundle import load_bundle, save_bundle
from decode.persons.person_baselines import component_projection, neighbour_projection
from decode.persons.project import project
from decode.report.persons import projection_files, projection_text


def measured(persons, n_genes: int, seed: int = 0) -> pd.DataFrame:
    """Some genes outside chr1, and all of chr1, to judge on."""
    is_test = (persons.features.genes["chrom"] == "chr1").to_numpy()
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(~is_test), n_genes, replace=False)
    return persons.new.iloc[np.sort(np.concatenate([chosen, np.flatnonzero(is_test)]))]


@pytest.mark.parametrize(("n_genes", "least"), [(20, 0.45), (100, 0.75), (480, 0.8)])
def test_a_few_genes_tell_the_rest(persons, n_genes, least):
    found = project(persons.model, persons.features, measured(persons, n_genes), values="fold_change")
    assert found.accuracy["n_fitted"].tolist() == [n_genes] * 6
    assert found.accuracy["n_judged"].tolist() == [120] * 6
    assert found.accuracy["spearman"].mean() > least
    predicted = found.predictions.set_index("gene_id")
    is_test = (persons.features.genes["chrom"] == "chr1").to_numpy()
    for name in persons.new:
        expected = stats.spearmanr(persons.new[name][is_test], predicted[name][is_test]).statistic
        assert found.accuracy.set_index("sample").loc[name, "spearman"] == pytest.approx(expected, abs=1e-9)


def test_held_out_genes_play_no_part(persons):
    table = measured(persons, 60)
    scrambled = table.copy()
    is_test = (persons.features.genes.set_index("gene_id")["chrom"].loc[table.index] == "chr1").to_numpy()
    scrambled.loc[is_test] = 100.0
    plain, other = (project(persons.model, persons.features, t, values="fold_change") for t in (table, scrambled))
    pd.testing.assert_frame_equal(plain.predictions, other.predictions)


def test_noise_is_shrunk_to_the_mean(persons):
    table = measured(persons, 30)
    noise = table.copy()
    noise.loc[:] = np.random.default_rng(3).normal(size=table.shape)
    found = project(persons.model, persons.features, noise, values="fold_change").predictions.iloc[:, 1:]
    real = project(persons.model, persons.features, table, values="fold_change").predictions.iloc[:, 1:]
    assert found.std().median() < 0.3
    assert found.std().median() < 0.4 * real.std().median()


def test_samples_do_not_depend_on_each_other(persons):
    table = measured(persons, 60)
    table.iloc[:10, 0] = np.nan  # another pattern of measured genes
    together = project(persons.model, persons.features, table, values="fold_change").predictions
    for name in ("new_0", "new_3"):
        alone = project(persons.model, persons.features, table[[name]], values="fold_change").predictions
        np.testing.assert_allclose(alone[name], together[name], atol=1e-9)


def test_tpm_go_through_the_reference_of_the_bundle(persons, tmp_path):
    level = persons.new + persons.model.person_reference.gene_mean[:, None]
    save_bundle(persons.model, tmp_path / "model")
    model = load_bundle(tmp_path / "model")
    np.testing.assert_array_equal(model.person_reference.gene_mean, persons.model.person_reference.gene_mean)
    found = project(model, persons.features, 2.0**level, persons=persons.targets)
    assert found.accuracy["spearman"].mean() > 0.7
    assert (found.accuracy[["knn_persons", "pca_persons"]].mean() > 0.5).all()
    files = projection_files(found, tmp_path / "p.tsv.gz", levels=True)
    levels = files[tmp_path / "p_levels.tsv.gz"]
    np.testing.assert_allclose(
        levels["new_1"] - found.predictions["new_1"], persons.model.person_reference.gene_mean, atol=1e-9
    )
    assert "held-out measured genes" in projection_text(found.accuracy)


def test_an_altered_reference_is_refused(persons, tmp_path):
    save_bundle(persons.model, tmp_path / "model")
    (tmp_path / "model" / "persons_reference.npz").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"persons_reference\.npz was altered"):
        load_bundle(tmp_path / "model")


def test_a_model_of_tissues_projects_too(persons):
    tissues = quick_bundle(planted_dataset(600, seed=1), members=1, max_epochs=25)
    found = project(tissues, persons.features, measured(persons, 200), values="fold_change")
    assert found.accuracy["spearman"].mean() > 0.6
    with pytest.raises(ValueError, match="holds no reference of persons"):
        project(tissues, persons.features, measured(persons, 200))
    with pytest.raises(ValueError, match="--levels: the model holds no reference"):
        projection_files(found, Path("p.tsv"), levels=True)


def test_too_few_genes(persons):
    with pytest.raises(ValueError, match="sample new_0 has 9 measured genes outside"):
        project(persons.model, persons.features, measured(persons, 9), values="fold_change")


def test_genes_of_nobody(persons):
    table = persons.new.rename(index=lambda gene: f"other_{gene}")
    with pytest.raises(ValueError, match="new samples: 0 of 600 rows match"):
        project(persons.model, persons.features, table, values="fold_change")


class TestBaselines:
    def test_the_nearest_person_by_hand(self):
        persons = np.array([[1.0, -1.0], [2.0, -2.0], [3.0, -3.0], [9.0, 5.0]])
        sample = np.array([[1.1], [1.9], [3.2], [np.nan]])
        assert neighbour_projection(persons, sample, n_neighbours=1)[3, 0] == pytest.approx(9.0)

    def test_components_of_persons(self):
        rng = np.random.default_rng(0)
        ways, mix = rng.normal(size=(300, 3)), rng.normal(size=(3, 21))
        values = ways @ mix
        sample = values[:, 20:].copy()
        sample[100:] = np.nan
        found = component_projection(values[:, :20], sample)
        np.testing.assert_allclose(found[100:, 0], values[100:, 20], atol=0.05)
