from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from decode.report.evidence import plot_evidence


def evidence(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 3))
    z[5, 1] = np.nan
    combined = np.nansum(z, axis=1)
    table = pd.DataFrame(z, columns=["z_binding", "z_network_a", "z_own_change"])
    table["z_own_change"] = np.nan  # a line that knows nobody is not drawn
    table["combined"] = combined
    table["rank"] = table["combined"].rank(ascending=False).astype("Int64")
    return table.assign(contrast="kd", kind="TF", regulator=[f"TF{i}" for i in range(n)])


def test_regulators_in_order_and_lines_side_by_side() -> None:
    table = evidence()
    figure, axes = plot_evidence(table, n=7, title="kd")
    assert isinstance(figure, Figure)
    first = table.nsmallest(7, "rank")
    assert [label.get_text() for label in axes.get_yticklabels()] == first["regulator"].tolist()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["binding", "network a", "sum"]
    drawn = axes.images[0].get_array()
    np.testing.assert_allclose(np.ma.filled(drawn, np.nan), first[["z_binding", "z_network_a"]])
    texts = [text.get_text() for text in axes.texts]
    assert [f"{total:.1f}" for total in first["combined"]] == texts[-7:]
    assert axes.get_title(loc="left") == "kd"


def test_given_axes_are_used() -> None:
    mine = Figure().add_subplot()
    assert plot_evidence(evidence(), axes=mine)[1] is mine


def test_several_contrasts_raise() -> None:
    table = pd.concat([evidence(), evidence().assign(contrast="other")])
    with pytest.raises(ValueError, match="2 contrasts and kinds"):
        plot_evidence(table)
