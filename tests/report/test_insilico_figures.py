from __future__ import annotations

import numpy as np
import pytest
from planted import TINY, planted_dataset
from toy_networks import random_bundle

from decode.insilico.disruption import disrupt
from decode.insilico.knockout import knock_out
from decode.report.insilico import disruption_tracks, knockout_heatmap


@pytest.fixture(scope="module")
def parts():
    dataset = planted_dataset(60)
    return random_bundle(dataset, TINY), dataset.features


class TestHeatmap:
    def test_strongest_first(self, parts):
        found = knock_out(*parts, genes=["G0003"])
        axes = knockout_heatmap(found, "G0003", n_regulators=3).axes[0]
        shown = [label.get_text() for label in axes.get_yticklabels()]
        effect = found["effect"].sel(gene_id="G0003", task=["liver", "brain", "blood"]).to_numpy()
        size = np.nan_to_num(np.abs(effect).max(axis=1))
        assert shown == found["regulator"].to_numpy()[np.argsort(-size, kind="stable")][:3].tolist()
        image = axes.images[0].get_array()
        np.testing.assert_allclose(image[0], found["effect"].sel(gene_id="G0003", regulator=shown[0]))
        assert f"3 of {int(found['is_bound'].sum())} bound regulators" in axes.get_title()

    def test_unknown_gene(self, parts):
        with pytest.raises(KeyError, match="G0004"):
            knockout_heatmap(knock_out(*parts, genes=["G0003"]), "G0004")


class TestTracks:
    def test_two_genes_on_one_page(self, parts):
        found = disrupt(*parts, ["G0003", "G0007"])
        figure = disruption_tracks(found, task="brain", n_regulators=2)
        titles = [axes.get_title() for axes in figure.axes]
        for gene in ("name3", "name7"):
            for region in ("promoter", "rna"):
                assert any(title.startswith(f"{gene}, {region}\nthe network does not see places") for title in titles)
        first = figure.axes[0]
        own = found.windows.query("gene_id == 'G0003' and region == 'promoter' and task == 'brain'")
        heights = [patch.get_height() for patch in first.patches]
        np.testing.assert_allclose(heights, own["effect"])
        shown = [label.get_text() for label in figure.axes[2].get_yticklabels()]
        of_gene = found.regulators.query("gene_id == 'G0003' and task == 'brain'")
        assert shown == of_gene.sort_values("effect", key=np.abs, ascending=False)["regulator"].head(2).tolist()

    def test_unknown_task(self, parts):
        with pytest.raises(KeyError, match="heart"):
            disruption_tracks(disrupt(*parts, ["G0003"]), task="heart")
