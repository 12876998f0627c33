from __future__ import annotations

import gzip
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import RARE_GENES, TASKS, planted_features, planted_targets

from decode.dataset import (
    EXCLUDED,
    TEST,
    TRAIN,
    VALIDATION,
    bins_inputs,
    drop_rare_regulators,
    make_split,
    pooled_inputs,
    prepare_dataset,
    read_groups,
    save_split,
)


def gene_table(n_genes: int = 200) -> pd.DataFrame:
    return pd.DataFrame(
        {"gene_id": [f"G{i}" for i in range(n_genes)], "chrom": [f"chr{i % 4 + 1}" for i in range(n_genes)]}
    )


@pytest.fixture(scope="module")
def features():
    return planted_features()


@pytest.fixture(scope="module")
def targets(features):
    return planted_targets(features)


class TestSplit:
    def test_one_chromosome_is_held_out_and_a_tenth_of_the_rest_validates(self):
        genes = gene_table()
        split = make_split(genes)
        assert (split[genes["chrom"] == "chr1"] == TEST).all()
        rest = split[genes["chrom"] != "chr1"]
        assert sorted(set(rest)) == [TRAIN, VALIDATION]
        assert (rest == VALIDATION).sum() == 15  # 10 % of 150

    def test_several_chromosomes_and_another_share(self):
        genes = gene_table()
        split = make_split(genes, test_chromosome=["chr2", "chr3"], validation_share=0.25)
        np.testing.assert_array_equal(split == TEST, genes["chrom"].isin(["chr2", "chr3"]))
        assert (split == VALIDATION).sum() == 25

    def test_it_is_a_function_of_the_seed_and_not_of_the_order(self):
        genes = gene_table()
        split = pd.Series(make_split(genes, seed=3), index=genes["gene_id"])
        turned = genes.iloc[::-1]
        again = pd.Series(make_split(turned, seed=3), index=turned["gene_id"])
        pd.testing.assert_series_equal(split, again.loc[split.index])
        assert (split != make_split(genes, seed=4)).any()

    def test_transcripts_of_a_gene_stay_together(self):
        genes = pd.concat([gene_table(), gene_table(), gene_table(100)], ignore_index=True)
        split = pd.Series(make_split(genes))
        assert (split.groupby(genes["gene_id"]).agg(set).str.len() == 1).all()

    def test_the_published_split_of_transcripts_parts_genes(self):
        genes = pd.concat([gene_table(), gene_table()], ignore_index=True)
        genes["transcript_id"] = [f"T{i}" for i in range(len(genes))]
        split = pd.Series(make_split(genes, split_by="transcript"))
        by_gene = split.groupby(genes["gene_id"]).agg(set)
        assert set(split[genes["chrom"] == "chr1"]) == {TEST}
        assert (split == VALIDATION).sum() == round(0.1 * (split != TEST).sum())
        assert (by_gene == {TRAIN, VALIDATION}).any()
        with pytest.raises(ValueError, match="split_by is 'transcript' but the rows are genes"):
            make_split(gene_table(), split_by="transcript")
        with pytest.raises(ValueError, match="but groups are given"):
            make_split(genes, split_by="transcript", groups={"G1": "family"})
        with pytest.raises(ValueError, match="split_by is 'exon'; choose one of: gene, transcript"):
            make_split(genes, split_by="exon")

    def test_a_family_stays_on_one_side(self):
        genes = gene_table()
        other = genes.loc[genes["chrom"] != "chr1", "gene_id"].tolist()
        groups = {gene: f"family{i // 5}" for i, gene in enumerate(other)}
        split = pd.Series(make_split(genes, groups=groups), index=genes["gene_id"])
        assert (split[other].groupby(pd.Series(groups)).agg(set).str.len() == 1).all()
        assert set(split[other]) == {TRAIN, VALIDATION}
        assert not (split == EXCLUDED).any()

    def test_relatives_of_held_out_genes_are_excluded(self):
        genes = gene_table()
        groups = {"G0": "family", "G1": "family", "G2": "family", "G3": "other", "G5": "other"}
        split = pd.Series(make_split(genes, groups=groups), index=genes["gene_id"])
        assert split["G0"] == TEST
        assert split["G1"] == split["G2"] == EXCLUDED
        assert split["G3"] == split["G5"] != EXCLUDED
        assert (split == EXCLUDED).sum() == 2

    def test_a_group_that_bears_the_name_of_a_gene_does_not_take_it_in(self):
        split = pd.Series(make_split(gene_table(), groups={"G1": "G0", "G2": "G0"}), index=gene_table()["gene_id"])
        assert not (split == EXCLUDED).any()

    def test_what_cannot_be_split_raises(self):
        genes = gene_table()
        with pytest.raises(ValueError, match=r"test chromosome chrY holds no gene; .* chr1, chr2"):
            make_split(genes, test_chromosome="chrY")
        with pytest.raises(ValueError, match="test part holds 0 genes"):
            make_split(genes, test_chromosome=[])
        with pytest.raises(ValueError, match="train part holds 19 genes; at least 20"):
            make_split(gene_table(28))
        with pytest.raises(ValueError, match="validation part holds 2 genes"):
            make_split(gene_table(32))
        with pytest.raises(ValueError, match="share below 1"):
            make_split(genes, validation_share=1.0)
        with pytest.raises(ValueError, match="> 0"):
            make_split(genes, validation_share=0.0)
        with pytest.raises(ValueError, match="lacks the column"):
            make_split(genes.drop(columns="chrom"))
        with pytest.raises(ValueError, match="none of the 1 genes with a group is among the 200"):
            make_split(genes, groups={"ENSG0": "family"})
        with pytest.raises(ValueError, match="none of the 0 genes"):
            make_split(genes, groups={})


class TestJoin:
    def test_rows_follow_the_features_and_values_their_gene(self, features, targets):
        shuffled = targets.sample(frac=1, random_state=0)
        dataset = prepare_dataset(features, shuffled[[*reversed(TASKS), "gene_id"]])  # gene_id need not come first
        assert dataset.features.ids.tolist() == features.ids.tolist()
        assert dataset.tasks == TASKS[::-1]
        np.testing.assert_allclose(dataset.targets, targets[TASKS[::-1]].to_numpy(), rtol=1e-6)
        assert dataset.targets.dtype == np.float32
        assert dataset.is_main_task.tolist() == [True, True, True, False]
        assert dataset.counts["target_rows"] == dataset.counts["matched_rows"] == 300

    def test_rows_of_a_part(self, features, targets):
        dataset = prepare_dataset(features, targets)
        assert sum(len(dataset.rows(part)) for part in np.unique(dataset.split)) == 300
        assert dataset.features.ids[dataset.rows(TEST)].tolist() == [f"G{i:04d}" for i in range(0, 300, 5)]
        np.testing.assert_array_equal(dataset.rows(TEST), np.arange(0, 300, 5))
        assert dataset.counts[TEST] == 60

    def test_missing_values_stay_and_are_counted(self, features, targets):
        holey = targets.copy()
        holey.loc[:9, "liver"] = np.nan
        dataset = prepare_dataset(features, holey)
        assert np.isnan(dataset.targets[:10, 1]).all()
        assert dataset.counts["missing_values"] == 10

    @pytest.mark.parametrize("n_known", [0, 149])
    def test_less_than_half_matched_raises(self, features, targets, n_known):
        strange = targets.assign(gene_id=[g if i < n_known else f"X{i}" for i, g in enumerate(targets["gene_id"])])
        with pytest.raises(ValueError, match=rf"targets: {n_known} of 300 rows match .*unmatched: X\d+"):
            prepare_dataset(features, strange)

    def test_less_than_four_fifths_matched_warns(self, features, targets, caplog):
        caplog.set_level(logging.WARNING)
        strange = targets.assign(gene_id=[g if i < 239 else f"X{i}" for i, g in enumerate(targets["gene_id"])])
        dataset = prepare_dataset(features, strange)
        assert dataset.counts["matched_rows"] == len(dataset.split) == 239
        assert "239 of 300 rows match" in caplog.text
        assert "X239, X240, X241, X242, X243" in caplog.text
        caplog.clear()
        strange = targets.assign(gene_id=[g if i < 240 else f"X{i}" for i, g in enumerate(targets["gene_id"])])
        prepare_dataset(features, strange)
        assert "match" not in caplog.text

    def test_rows_outside_the_features_are_only_counted(self, features, targets, caplog):
        caplog.set_level(logging.WARNING)
        more = pd.concat([targets, targets.assign(gene_id=[f"X{i}" for i in range(300)])], ignore_index=True)
        dataset = prepare_dataset(features, more)
        assert dataset.counts["target_rows"] == 600
        assert dataset.counts["matched_rows"] == 300
        assert not caplog.text

    def test_a_given_split_is_used_as_it_is(self, features, targets):
        split = {gene: [TRAIN, VALIDATION, TEST][i % 3] for i, gene in enumerate(features.ids[:90])}
        dataset = prepare_dataset(features, targets, split=split)
        assert dict(zip(dataset.features.ids, dataset.split, strict=True)) == split
        assert dataset.counts["rows_outside_split"] == 210
        assert not len(prepare_dataset(features, targets, split={"G": TEST}, track_ids=features.track_ids).split)

    def test_groups_are_matched_and_counted(self, features, targets):
        groups = {f"G{i:04d}": f"family{i // 2}" for i in range(300)}
        dataset = prepare_dataset(features, targets, groups=groups, min_bound_genes=5)
        assert dataset.counts["grouped_genes"] == 300
        assert dataset.counts[EXCLUDED] == 60  # each held-out gene has one relative elsewhere
        with pytest.raises(ValueError, match="groups: 0 of 2 rows match"):
            prepare_dataset(features, targets, groups={"A": "f", "B": "f"})

    def test_transcript_level(self):
        features = planted_features(300, level="transcript")
        targets = planted_targets(features)
        dataset = prepare_dataset(features, targets, min_bound_genes=20)
        assert dataset.features.ids[0] == "T0000"
        split = pd.Series(dataset.split)
        assert (split.groupby(dataset.features.genes["gene_id"]).agg(set).str.len() == 1).all()

    def test_targets_of_transcripts(self, caplog):
        features = planted_features(300, level="transcript")
        targets = planted_targets(features).rename(columns={"gene_id": "transcript_id"})
        by_gene = prepare_dataset(features, targets, min_bound_genes=20)
        assert "genes_in_train_and_validation" not in by_gene.counts
        with_genes = targets.assign(gene_id=features.genes["gene_id"])
        dataset = prepare_dataset(features, with_genes, min_bound_genes=20, split_by="transcript")
        assert dataset.tasks == by_gene.tasks
        np.testing.assert_array_equal(dataset.targets, by_gene.targets)
        n_leaking = dataset.counts["genes_in_train_and_validation"]
        assert n_leaking > 0
        assert f"split by transcript: {n_leaking} of " in caplog.text
        with pytest.raises(ValueError, match=r"targets are of transcripts .* and features of genes"):
            prepare_dataset(planted_features(), targets)

    def test_the_callers_objects_stay(self, features, targets):
        before = targets.copy()
        prepare_dataset(features, targets, biosamples=["K562"])
        pd.testing.assert_frame_equal(targets, before)
        assert len(features.tracks) == 7


class TestTracks:
    def test_biosamples_keep_their_tracks_and_those_without_one(self, features, targets):
        dataset = prepare_dataset(features, targets, biosamples=["HepG2"], min_bound_genes=1)
        assert dataset.features.track_ids == [
            "promoter|TF:AAA@HepG2", "promoter|TF:RARE", "rna|RBP:AAA@HepG2", "rna|miRNA:miR-1",
        ]  # fmt: skip
        with pytest.raises(KeyError, match="biosamples not in the features: A549; they hold HepG2, K562"):
            prepare_dataset(features, targets, biosamples=["A549"])

    def test_named_tracks_in_the_order_asked_for(self, features, targets):
        wanted = ["promoter|TF:RARE", "promoter|TF:AAA@K562", "rna|miRNA:miR-1"]
        dataset = prepare_dataset(features, targets, track_ids=wanted)
        assert dataset.features.track_ids == wanted  # the filter is off: RARE stays
        assert "dropped_regulators" not in dataset.counts
        with pytest.raises(KeyError, match="TF:ZZZ"):
            prepare_dataset(features, targets, track_ids=["promoter|TF:ZZZ"])

    def test_a_rare_regulator_goes_with_all_its_tracks(self, features, targets):
        dataset = prepare_dataset(features, targets)
        assert dataset.counts["dropped_regulators"] == ["TF:RARE"]
        assert dataset.counts["tracks"] == 6
        assert "promoter|TF:RARE" not in dataset.features.track_ids

    def test_only_training_genes_count(self, features, targets):
        rows = np.arange(300)
        bound = rows < RARE_GENES
        for n_train, is_kept in ((RARE_GENES, True), (RARE_GENES - 1, False)):
            split = np.where(bound & (rows >= n_train), TEST, TRAIN)
            given = dict(zip(features.ids, split, strict=True))
            dataset = prepare_dataset(features, targets, split=given, min_bound_genes=RARE_GENES)
            assert ("promoter|TF:RARE" in dataset.features.track_ids) is is_kept

    def test_tracks_of_a_regulator_count_together(self, features):
        by_track = features.select(regulators=["TF:AAA"]).totals() > 0
        is_train = ~by_track.all(axis=1)
        either = int(by_track[is_train].any(axis=1).sum())
        assert either > by_track[is_train].sum(axis=0).max()
        kept, dropped = drop_rare_regulators(features, is_train, either)
        assert kept.track_ids == ["promoter|TF:AAA@K562", "promoter|TF:AAA@HepG2"]
        assert "RBP:AAA" in dropped  # the same name, another kind
        with pytest.raises(ValueError, match="none of the 6"):
            drop_rare_regulators(features, is_train, either + 1)

    def test_transcripts_count_through_their_gene(self):
        features = planted_features(300, level="transcript")
        is_train = np.ones(300, dtype=bool)
        _, dropped = drop_rare_regulators(features, is_train, RARE_GENES // 2)
        assert "TF:RARE" not in dropped
        _, dropped = drop_rare_regulators(features, is_train, RARE_GENES // 2 + 1)
        assert dropped == ["TF:RARE"]

    def test_nothing_left_raises(self, features, targets):
        with pytest.raises(ValueError, match="none of the 6 regulators has a site in 1000 training genes"):
            prepare_dataset(features, targets, min_bound_genes=1000)


class TestInputs:
    @pytest.mark.parametrize("n_first", [0, 1, 3, 12])
    def test_pooled_inputs_are_sums_of_the_bins(self, features, n_first):
        pooled = pooled_inputs(features, {"rna": n_first})
        assert list(pooled) == ["promoter", "rna"]
        assert pooled["promoter"].shape == (300, 1, 5)
        assert pooled["rna"].shape == (300, 1 + n_first, 4)
        assert pooled["rna"].dtype == np.float32
        for region, values in pooled.items():
            bins, length_bp = features.dense(region, np.arange(300), n_bins=20)
            np.testing.assert_array_equal(values[:, 0, 1:], bins.sum(axis=1))
            np.testing.assert_array_equal(values[:, 0, 0], length_bp.sum(axis=1))
            n_rows = values.shape[1] - 1
            np.testing.assert_array_equal(values[:, 1:, 1:], bins[:, :n_rows])
            np.testing.assert_array_equal(values[:, 1:, 0], length_bp[:, :n_rows])

    def test_bins_inputs(self, features):
        rows = np.array([5, 0])
        inputs = bins_inputs(features, rows, n_bins={"rna": 20})
        assert inputs["promoter"].shape == (2, 6, 5)
        assert inputs["rna"].shape == (2, 20, 4)
        assert inputs["promoter"][1, :, 0].tolist() == [0, 0, 10, 10, 10, 10]  # gene 0 has two masked bins
        np.testing.assert_array_equal(inputs["rna"][0, :, 0].sum(), features.genes["length_bp"][5])
        with pytest.raises(ValueError, match="n_bins is 1"):
            bins_inputs(features, np.arange(300), n_bins={"rna": 1})

    def test_a_region_without_tracks_and_no_gene(self, features):
        bare = features.select(kinds=["TF"])
        assert pooled_inputs(bare, {"rna": 2})["rna"].shape == (300, 3, 1)
        nobody = pooled_inputs(features.select(genes=[]), {"rna": 2})
        assert nobody["rna"].shape == (0, 3, 4)


class TestFiles:
    @pytest.mark.parametrize("header", ["", "gene_id\tgroup\n"])
    def test_groups(self, tmp_path, header):
        path = tmp_path / "groups.tsv.gz"
        text = f"{header}# families\nENSG00000000001.4\tf1\textra\nRP11-34P13.7\tf2\n\nENSG3\tf1\n"
        path.write_bytes(gzip.compress(text.encode()))
        assert read_groups(path) == {"ENSG00000000001": "f1", "RP11-34P13.7": "f2", "ENSG3": "f1"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("A\tf1\nB\n", "lacks a gene or its group in line 2"),
            ("A\t\n", "line 1"),
            ("A\tf1\nA\tf2\n", "more than once: A"),
            ("gene_id\tgroup\n", "holds no gene"),
            ("", "is empty"),
        ],
    )
    def test_faulty_groups_raise(self, tmp_path, text, message):
        path = tmp_path / "groups.tsv"
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_groups(path)

    def test_a_saved_split(self, tmp_path, features, targets):
        dataset = prepare_dataset(features, targets)
        save_split(dataset, tmp_path / "split.tsv")
        table = pd.read_csv(tmp_path / "split.tsv", sep="\t")
        assert table["split"].tolist() == dataset.split.tolist()
        assert table.columns.tolist() == ["gene_id", "split"]

    def test_targets_must_be_targets(self, features, targets):
        with pytest.raises(ValueError, match="gene_id"):
            prepare_dataset(features, targets.drop(columns="gene_id"))
        with pytest.raises(TypeError, match="DataFrame"):
            prepare_dataset(features, targets.to_numpy())
        with pytest.raises(ValueError, match="more than once"):
            prepare_dataset(replace(features), pd.concat([targets, targets.head(1)]))
