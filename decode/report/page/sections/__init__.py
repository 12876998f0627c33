"""Sections of a report, one module a group of kinds; `section_of` chooses."""

from __future__ import annotations

from collections.abc import Callable

from decode.report.page.content import Section
from decode.report.page.runs import ADVICE, Run
from decode.report.page.sections import drivers, insilico, landmark, mediation, persons, regulators, tissue
from decode.report.page.sections.other import other_section

BUILDERS: dict[str, Callable[[Run], Section]] = {
    "train": tissue.training_section,
    "evaluate": tissue.evaluation_section,
    "demo": tissue.evaluation_section,
    "cv": tissue.cv_section,
    "drivers": drivers.drivers_section,
    "rank": regulators.rank_section,
    "knockout": insilico.knockout_section,
    "disrupt": insilico.disrupt_section,
    "coexpression": insilico.coexpression_section,
    "mediate": mediation.mediation_section,
    "persons evaluate": persons.persons_section,
    "differential": persons.differential_section,
    "differential activity": persons.differential_section,
    "activity": persons.activity_section,
    "landmark train": landmark.autoencoder_section,
    "landmark select": landmark.selection_section,
    "landmark evaluate": landmark.evaluation_section,
    "landmark embed": landmark.embedding_section,
}


def section_of(run: Run) -> Section:
    """The section of a run; a kind that has none of its own shows all its tables, figures and counts.

    Raises
    ------
    ValueError
        If its files are not such as the command writes them.
    """
    try:
        return BUILDERS.get(run.kind, other_section)(run)
    except (TypeError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
        what = f"{type(error).__name__}: {str(error)[:120]}"
        raise ValueError(
            f"the files of {run.out} are not such as decode {run.kind} writes ({what}); {ADVICE}"
        ) from error
