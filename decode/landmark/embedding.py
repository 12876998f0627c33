"""New samples in the bottleneck, and how well it keeps known groups apart, beside principal components."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_matched, listed
from decode.core.choices import ExpressionScale
from decode.core.shown import shown
from decode.landmark.autoencoder import Autoencoder
from decode.landmark.probes import group_probes
from decode.landmark.profiles import scan_profiles
from decode.landmark.quantiles import apply_quantiles
from decode.landmark.sources import SampleMatrix, frame_source

logger = logging.getLogger(__name__)

BOTTLENECK, COMPONENTS, GENES = "bottleneck", "principal components", "all genes"


@shown()
class Embedding(NamedTuple):
    """Samples in three spaces.

    Attributes
    ----------
    table : pd.DataFrame
        sample, then node_1, node_2, ... : the bottleneck, each between 0 and 1.
    spaces : dict of str to float array, shape (n_samples, n_dimensions)
        The bottleneck, as many principal components of the training samples, and all genes.
    counts : dict
        n_samples, n_genes_shared, n_genes_filled (absent from the samples: given the mean of the training samples).
    """

    table: pd.DataFrame
    spaces: dict[str, NDArray[np.float32]]
    counts: dict[str, int]


def normalise_samples(
    autoencoder: Autoencoder,
    source: SampleMatrix,
    *,
    scale: ExpressionScale = "auto",
    probe_map: pd.DataFrame | None = None,
) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Give new samples the quantiles of the training samples.

    Ranks are taken among the genes that both sides have. Genes that the samples lack, or miss in some sample, get the
    mean of the training samples.

    Parameters
    ----------
    autoencoder : Autoencoder
    source : SampleMatrix
        Read whole.
    scale : {"auto", "linear", "log2"}
    probe_map : pd.DataFrame, optional
        Where the autoencoder is of genes and the samples have probes.

    Returns
    -------
    values : float32 array, shape (n_samples, n_genes)
        Genes in the order of the autoencoder, on the scale 4 to 15.
    counts : dict

    Raises
    ------
    ValueError
        If less than half of the genes match, or the values are mixed or mostly missing.
    """
    groups = None if probe_map is None else group_probes(source.gene_ids, probe_map, name=source.name)
    profiles, _ = scan_profiles(source, groups, scale, keep_constant=True)
    ids = source.gene_ids if groups is None else groups.gene_ids
    usable = [ids[gene] for gene in profiles.genes]
    matched, warning = check_matched(source.name, usable, [str(gene) for gene in autoencoder.gene_ids])
    if warning:
        logger.warning("%s", warning)
    place = {str(gene): number for number, gene in enumerate(autoencoder.gene_ids)}
    column = {gene: number for number, gene in enumerate(usable)}
    ours = np.array([place[gene] for gene in matched])
    theirs = np.array([column[gene] for gene in matched])
    values = np.tile(autoencoder.train_mean.astype(np.float32), (source.n_samples, 1))
    for rows, block in profiles.blocks(np.ones(source.n_samples, dtype=bool)):
        values[np.ix_(rows, ours)] = apply_quantiles(block[:, theirs], autoencoder.quantiles)
    n_filled = len(place) - len(matched)
    if n_filled:
        absent = sorted(set(place) - set(matched))
        logger.warning("%d of %d genes of the autoencoder are not in %s and get the mean of the training samples: %s",
                       n_filled, len(place), source.name, listed(absent))  # fmt: skip
    return values, {"n_samples": source.n_samples, "n_genes_shared": len(matched), "n_genes_filled": n_filled}


def embed_samples(
    autoencoder: Autoencoder,
    source: SampleMatrix | pd.DataFrame,
    *,
    member: int = 0,
    scale: ExpressionScale = "auto",
    probe_map: pd.DataFrame | None = None,
) -> Embedding:
    """Put new samples through the encoder.

    Parameters
    ----------
    autoencoder : Autoencoder
    source : SampleMatrix or pd.DataFrame
        New samples; a table is genes x samples.
    member : int, default 0
        Nodes of different members are not the same.
    scale, probe_map : as in `normalise_samples`

    Returns
    -------
    Embedding

    Raises
    ------
    ValueError
        As `normalise_samples`, or if there is no such member.
    """
    if not 0 <= member < len(autoencoder.members):
        raise ValueError(f"member is {member}; the autoencoder has members 0 to {len(autoencoder.members) - 1}")
    if isinstance(source, pd.DataFrame):
        source = frame_source(source)
    values, counts = normalise_samples(autoencoder, source, scale=scale, probe_map=probe_map)
    nodes = autoencoder.encode(values, member=member)
    table = pd.DataFrame(nodes, columns=[f"node_{number + 1}" for number in range(nodes.shape[1])])
    table.insert(0, "sample", source.sample_ids)
    spaces = {BOTTLENECK: nodes, COMPONENTS: autoencoder.principal_components(values), GENES: values}
    return Embedding(table, spaces, counts)


def sample_tree(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Hierarchical clustering of samples: Ward's linkage on Euclidean distances, as scipy writes it.

    References
    ----------
    Ward 1963, Journal of the American Statistical Association 58:236.
    """
    from scipy.cluster.hierarchy import linkage

    tree: NDArray[np.float64] = linkage(np.asarray(values, dtype=np.float64), "ward")
    return tree


def compare_spaces(spaces: dict[str, NDArray[np.float32]], labels: NDArray[Any]) -> pd.DataFrame:
    """How well known groups of samples stand apart in each space.

    Parameters
    ----------
    spaces : dict of str to array, shape (n_samples, n_dimensions)
    labels : array of str, shape (n_samples,)
        Samples with an empty label play no part; nor do groups of one sample.

    Returns
    -------
    pd.DataFrame
        space, n_dimensions, n_samples, n_groups, ari, silhouette. ari: adjusted Rand index of the labels and the tree
        of `sample_tree` cut into as many groups. silhouette: mean over samples, of the labels themselves.

    Raises
    ------
    ValueError
        If there are fewer than two groups.

    References
    ----------
    Hubert and Arabie 1985, Journal of Classification 2:193; Rousseeuw 1987, J. Comput. Appl. Math. 20:53.
    """
    from scipy.cluster.hierarchy import cut_tree
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    labels = np.asarray(labels).astype(str)
    names, sizes = np.unique(labels, return_counts=True)
    used = np.isin(labels, names[(sizes > 1) & (names != "")])
    n_groups = len(np.unique(labels[used]))
    if n_groups < 2:
        raise ValueError(
            f"the labels name {n_groups} group(s) of at least two samples ({listed(names)}); at least 2 are wanted"
        )
    rows = []
    for space, values in spaces.items():
        chosen = np.asarray(values, dtype=np.float64)[used]
        groups = cut_tree(sample_tree(chosen), n_groups)[:, 0]
        rows.append(
            {
                "space": space, "n_dimensions": chosen.shape[1], "n_samples": len(chosen), "n_groups": n_groups,
                "ari": float(adjusted_rand_score(labels[used], groups)),
                "silhouette": float(silhouette_score(chosen, labels[used])),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
