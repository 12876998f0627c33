from __future__ import annotations

import gzip

import pytest

from decode.expression.tissue_groups import (
    TISSUE_GROUPS,
    group_of_tasks,
    known_tissue_groups,
    read_tissue_groups,
)


def test_no_tissue_is_in_two_groups():
    names = [name for group in TISSUE_GROUPS.values() for name in group]
    assert len(known_tissue_groups(names)) == len(names) == len(set(names))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "n_tasks", "n_brain", "n_groups"),
    [("gtex_v7_53_tissues_log2tpm_2742_genes.tsv.gz", 53, 13, 28), ("hpa_gtex_tissue_tpm.tsv.gz", 37, 10, 24)],
)
def test_real_names_are_known(shared, file, n_tasks, n_brain, n_groups):
    with gzip.open(shared / "data" / "expression" / file, "rt") as handle:
        tasks = handle.readline().rstrip("\n").split("\t")[1:]
    assert len(tasks) == n_tasks
    groups = group_of_tasks(tasks, known_tissue_groups(tasks))
    assert groups.count("brain") == n_brain
    assert len(set(groups)) == n_groups


def test_tasks_without_a_group_stand_alone():
    assert group_of_tasks(["a", "b"], None) == ["task:a", "task:b"]
    assert group_of_tasks(["a", "b"], {"a": "b", "x": "b"}) == ["b", "task:b"]
    with pytest.raises(ValueError, match=r"none of the tissue groups' tasks \(x\) is a task of the table \(a, b\)"):
        group_of_tasks(["a", "b"], {"x": "y"})


def test_group_file(tmp_path):
    path = tmp_path / "groups.tsv"
    path.write_text("task\tgroup\ncortex\tbrain\nthe liver\tliver\n")
    assert read_tissue_groups(path) == {"cortex": "brain", "the liver": "liver"}
    path.write_text("cortex\tbrain\nliver\n")
    with pytest.raises(ValueError, match="1 lines lack a task or a group: liver"):
        read_tissue_groups(path)
    path.write_text("cortex\tbrain\ncortex\tliver\n")
    with pytest.raises(ValueError, match="tasks occur more than once: cortex"):
        read_tissue_groups(path)
    path.write_text("task\tgroup\n")
    with pytest.raises(ValueError, match="holds no line"):
        read_tissue_groups(path)
