"""Which tissues are so alike that they must not count as independent."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from decode.core.checks import check_unique, listed
from decode.core.files import open_text

logger = logging.getLogger(__name__)

# Tissues of GTEx (names of its v7 and v8 median tables) and of the Human Protein Atlas' GTEx summary, by organ. All 13
# brain regions of GTEx, the spinal cord among them, are one group; so are parts of one organ (heart, skin, esophagus)
# and neighbouring organs of one make (large and small intestine; uterus, cervix, fallopian tube and vagina). Every
# other tissue stands alone; the two cultured cell types are kept apart. The choice is ours: GTEx defines no groups.
TISSUE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "brain": (
        "Brain - Amygdala",
        "Brain - Anterior cingulate cortex (BA24)",
        "Brain - Caudate (basal ganglia)",
        "Brain - Cerebellar Hemisphere",
        "Brain - Cerebellum",
        "Brain - Cortex",
        "Brain - Frontal Cortex (BA9)",
        "Brain - Hippocampus",
        "Brain - Hypothalamus",
        "Brain - Nucleus accumbens (basal ganglia)",
        "Brain - Putamen (basal ganglia)",
        "Brain - Spinal cord (cervical c-1)",
        "Brain - Substantia nigra",
        "amygdala",
        "basal ganglia",
        "caudate",
        "cerebellum",
        "cerebral cortex",
        "hippocampal formation",
        "hippocampus",
        "hypothalamus",
        "midbrain",
        "nucleus accumbens",
        "putamen",
        "spinal cord",
        "substantia nigra",
    ),
    "adipose": ("Adipose - Subcutaneous", "Adipose - Visceral (Omentum)", "adipose tissue"),
    "artery": ("Artery - Aorta", "Artery - Coronary", "Artery - Tibial"),
    "esophagus": ("Esophagus - Gastroesophageal Junction", "Esophagus - Mucosa", "Esophagus - Muscularis", "esophagus"),
    "female_tract": (
        "Cervix - Ectocervix",
        "Cervix - Endocervix",
        "Fallopian Tube",
        "Uterus",
        "Vagina",
        "cervix",
        "endometrium",
    ),
    "heart": ("Heart - Atrial Appendage", "Heart - Left Ventricle", "heart muscle"),
    "intestine": (
        "Colon - Sigmoid",
        "Colon - Transverse",
        "Small Intestine - Terminal Ileum",
        "colon",
        "small intestine",
    ),
    "kidney": ("Kidney - Cortex", "Kidney - Medulla", "kidney"),
    "skin": ("Skin - Not Sun Exposed (Suprapubic)", "Skin - Sun Exposed (Lower leg)", "skin"),
}


def _plain_name(name: str) -> str:
    """Lower-case words: "Brain - Cortex" and "Brain_Cortex" are one tissue."""
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


_GROUP_OF = {_plain_name(name): group for group, names in TISSUE_GROUPS.items() for name in names}


def known_tissue_groups(tasks: Iterable[str]) -> dict[str, str]:
    """Group of every task that is a known GTEx or Human Protein Atlas tissue in a group.

    Parameters
    ----------
    tasks : iterable of str
        Spaces, hyphens, brackets and case do not matter.

    Returns
    -------
    dict of task to group
        Tasks that it lacks stand alone.

    Examples
    --------
    >>> known_tissue_groups(["Brain_Cortex", "amygdala", "liver"])
    {'Brain_Cortex': 'brain', 'amygdala': 'brain'}
    """
    plain = {task: _plain_name(task) for task in tasks}
    return {task: _GROUP_OF[name] for task, name in plain.items() if name in _GROUP_OF}


def group_of_tasks(tasks: Iterable[str], groups: Mapping[str, str] | None) -> list[str]:
    """The group of each task; a task without one is a group of its own.

    Parameters
    ----------
    tasks : iterable of str
    groups : mapping of task to group, optional
        None: every task is a group of its own.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If groups are given and none of their tasks is among `tasks`.

    Examples
    --------
    >>> group_of_tasks(["cortex", "liver"], {"cortex": "brain"})
    ['brain', 'task:liver']
    """
    names = list(tasks)
    if groups and names and not set(groups) & set(names):
        raise ValueError(
            f"none of the tissue groups' tasks ({listed(groups)}) is a task of the table ({listed(names)}); "
            "use the names of the targets table"
        )
    found = groups or {}
    alone = [name for name in names if name not in found]
    if found and alone:
        logger.info("%d of %d tasks have no tissue group and stand alone: %s", len(alone), len(names), listed(alone))
    return [found.get(name, f"task:{name}") for name in names]


def read_tissue_groups(path: str | Path) -> dict[str, str]:
    """Read a two-column table task, group, tab-separated, with a header `task<TAB>group` or without.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, a line has no second column, or a task repeats.
    """
    with open_text(path, "tissue groups") as handle:
        lines = [line.rstrip("\r\n") for line in handle if line.strip() and not line.startswith("#")]
    rows = [[cell.strip() for cell in line.split("\t")[:2]] for line in lines]
    if rows and [cell.lower() for cell in rows[0]] == ["task", "group"]:
        rows = rows[1:]
    short = [row[0] for row in rows if len(row) < 2 or not all(row)]
    if short or not rows:
        raise ValueError(
            f"tissue groups {path}: {len(short)} lines lack a task or a group: {listed(short)}; write task<TAB>group"
            if rows
            else f"tissue groups {path} holds no line; write task<TAB>group"
        )
    check_unique(f"tissue groups {path}: tasks", [row[0] for row in rows])
    return dict(rows)
