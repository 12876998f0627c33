"""Knockouts: what each prediction would be without a regulator's sites, for all regulators and genes in one pass."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from decode.attribution.job import features_hash
from decode.core.executor import get_executor
from decode.core.files import versions
from decode.core.ids import named_ids
from decode.core.resume import at_work, content_hash, work_folder
from decode.core.threads import one_blas_thread
from decode.dataset import pooled_inputs
from decode.features.regulators import NamedRegulators, named_regulators
from decode.insilico.knockout_file import (
    FORMAT,
    SCHEMA_VERSION,
    BlockResult,
    KnockoutFile,
    Sums,
    in_memory,
)
from decode.insilico.removal import Pooled
from decode.insilico.unfolded import UnfoldedNetwork
from decode.models.bundle import model_hash
from decode.models.matching import select_for_model
from decode.statistics.spread import Spread

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

logger = logging.getLogger(__name__)

BLOCK_GENES = 128  # computed at a time
PAIRS_AT_ONCE = 4096  # whose hidden units are in memory: 4 MiB for 256 units


class Block(NamedTuple):
    """Some genes as the networks take them."""

    number: int
    inputs: Pooled


class Pairs(NamedTuple):
    """Bound pairs of a block, and what the removal of each takes from the inputs.

    gene, regulator : int array, shape (n_pairs,)
        By gene, then by regulator.
    taken : mapping of region to sparse float32 array, shape (n_pairs, rows x tracks of the region)
        g(x) of the tracks that go, see `decode.insilico.unfolded`.
    """

    gene: NDArray[np.int64]
    regulator: NDArray[np.int64]
    taken: dict[str, sparse.csr_array]


@dataclass(frozen=True, eq=False)
class _Job:
    bundle: ModelBundle
    features: RegulatoryFeatures
    rows: NDArray[np.int64]
    regulators: NamedRegulators

    def blocks(self, numbers: Sequence[int], block_genes: int) -> Iterator[Block]:
        """The blocks of these numbers, made when they are asked for."""
        for number in numbers:
            rows = self.rows[number * block_genes : (number + 1) * block_genes]
            yield Block(number, pooled_inputs(self.features.take(rows), self.bundle.n_first_bins()))

    def signature(self, block_genes: int) -> str:
        """Text that two runs share exactly when they compute the same thing."""
        names = [*self.regulators.table.index, str(block_genes), str(SCHEMA_VERSION)]
        hashes = (model_hash(self.bundle), features_hash(self.features))
        return content_hash([*hashes, *names, self.regulators.is_track, self.features.ids[self.rows]])


def knock_out(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    *,
    genes: Sequence[str] | None = None,
    regulators: Sequence[str] | None = None,
    out: str | Path | None = None,
    id_map: str | Path | None = None,
    executor: Any = "serial",
    block_genes: int = BLOCK_GENES,
    on_block: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Say how each prediction would change without the sites of a regulator: every regulator, every gene it binds.

    A knockout here takes away what the regulator binds at one gene; everything else stays as it is. It says what the
    model owes to the sites and is no experiment: other regulators do not respond, and what a model took the sites as a
    mark of (open chromatin, say) goes with them.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        May hold further tracks and regions than the model's.
    genes : sequence of str, optional
        Gene ids or symbols (transcript ids at transcript level); default all of the features.
    regulators : sequence of str, optional
        "SPI1" takes all kinds of that name away together, "RBP:BCLAF1" one kind; default every regulator of the model,
        kind by kind.
    out : str or Path, optional
        netCDF-4 file to write gene block by gene block; a killed run goes on. Default: everything in memory.
    id_map : str or Path, optional
        See `decode.core.ids.resolve_ids`.
    executor : str, distributed.Client or Executor, default "serial"
        Where blocks of genes are computed.
    block_genes : int
        Genes of a block; the result does not depend on it.
    on_block : callable, optional
        Called with the number of finished blocks and of all blocks.

    Returns
    -------
    xr.Dataset
        See `decode.insilico.knockout_file.read_knockout`. `effect` (gene_id, regulator, task) is the prediction without
        the sites minus the one with them, log2 units, mean over members; `sd_members` its standard deviation over
        members; both NaN where the regulator has no site in the gene (`is_bound`).

    Raises
    ------
    KeyError
        If a gene or regulator is unknown; the message gives the nearest names.
    ValueError
        If a name is ambiguous or given twice, no gene has a site of a regulator, features and model do not fit, or a
        network cannot be unfolded.

    Notes
    -----
    With h the first hidden units before their ReLU and c_r = sum over the tracks of r of g(x) W what r adds to them,
    the knockout is f(h - c_r) - f(h), where f is the rest of the network: exact, not a linearisation.

    References
    ----------
    Tasaki et al. 2020, doi:10.1038/s42256-020-0201-6: regulator knockout of gene pairs. There 10,000 random sets of
    regulators are removed from a pair; here each is removed alone, from all genes.
    """
    job = _make_job(bundle, features, genes, regulators, id_map)
    members = [UnfoldedNetwork.from_model(member.pooled, bundle.input_names) for member in bundle.members]
    compute = partial(knock_out_block, members=members, is_track=job.regulators.is_track)
    n_blocks = -(-len(job.rows) // block_genes)
    with at_work(None if out is None else work_folder(out)):
        file = None if out is None else KnockoutFile(out, job.signature(block_genes), block_genes)
        missing = [number for number in range(n_blocks) if file is None or not file.has(number)]
        kept: list[BlockResult] = []
        n_done = n_blocks - len(missing)
        with one_blas_thread():
            for number, block in get_executor(executor).map(compute, job.blocks(missing, block_genes)):
                if file is None:
                    kept.append(block)
                else:
                    file.add(number, block)
                n_done += 1
                if on_block is not None:
                    on_block(n_done, n_blocks)
        header = _header(job)
        found = in_memory(header, kept) if file is None else file.finish(header, n_blocks)
    n_without = int((found["n_regulators"] == 0).sum())
    logger.info(
        "knockouts: %s bound pairs of %s genes and %s regulators, %s tasks; %s genes without a site",
        *(
            f"{number:,}"
            for number in (found.attrs["n_pairs"], *found["is_bound"].shape, found.sizes["task"], n_without)
        ),
    )
    return found


def _make_job(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    genes: Sequence[str] | None,
    regulators: Sequence[str] | None,
    id_map: str | Path | None,
) -> _Job:
    selected = select_for_model(bundle, features)
    chosen = named_regulators(selected.tracks, regulators)
    if genes is None:
        rows = np.arange(selected.n_genes)
    else:
        ids = named_ids(genes, selected.genes, id_map, id_column=selected.id_column)
        rows = np.array([selected.row_of(name) for name in ids], dtype=np.int64)
    job = _Job(bundle, selected, rows, chosen)
    is_chosen = chosen.is_track.any(axis=0)
    if not any(
        (selected.take(rows[i : i + 1000]).totals()[:, is_chosen] != 0).any() for i in range(0, len(rows), 1000)
    ):
        raise ValueError(
            f"none of the {len(rows)} gene(s) has a site of the {len(chosen.table)} regulator(s); there is nothing to "
            "take away, choose other genes or regulators"
        )
    return job


@one_blas_thread()
def knock_out_block(
    block: Block, *, members: Sequence[UnfoldedNetwork], is_track: NDArray[np.bool_]
) -> tuple[int, BlockResult]:
    """Knockouts of all bound pairs of some genes: numpy only, so that it can be done elsewhere.

    Parameters
    ----------
    block : Block
    members : sequence of UnfoldedNetwork
    is_track : bool array, shape (n_regulators, n_tracks)

    Returns
    -------
    number : int
        Of the block.
    result : BlockResult
    """
    pairs = bound_pairs(block.inputs, members[0], is_track)
    effect, prediction = Spread(), Spread()
    n_regulators = len(is_track)
    of_regulator = sparse.csr_array(
        (np.ones(len(pairs.gene)), (pairs.regulator, np.arange(len(pairs.gene)))),
        shape=(n_regulators, len(pairs.gene)),
    )
    mean, mean_abs = [], []
    for member in members:
        hidden = member.hidden(block.inputs)
        base = member.finish(hidden.copy())
        flat = {name: layer.weights[:, 1:].reshape(-1, hidden.shape[1]) for name, layer in member.regions.items()}
        change = np.empty((len(pairs.gene), member.n_tasks), dtype=np.float32)
        for start in range(0, len(change), PAIRS_AT_ONCE):
            some = slice(start, start + PAIRS_AT_ONCE)
            rest = hidden[pairs.gene[some]]
            for region, weights in flat.items():
                rest -= pairs.taken[region][some] @ weights
            change[some] = member.finish(rest) - base[pairs.gene[some]]
        mean.append(of_regulator @ change.astype(np.float64))
        mean_abs.append(of_regulator @ np.abs(change).astype(np.float64))
        effect.add(change)
        prediction.add(base)
    n_genes = np.bincount(pairs.regulator, minlength=n_regulators)
    return block.number, BlockResult(
        pairs.gene.astype(np.int32),
        pairs.regulator.astype(np.int32),
        effect.mean,
        effect.sd(),
        prediction.mean,
        prediction.sd(),
        Sums(np.stack(mean), np.stack(mean_abs), n_genes),
    )


def bound_pairs(inputs: Pooled, network: UnfoldedNetwork, is_track: NDArray[np.bool_]) -> Pairs:
    """Pairs of gene and regulator with a site, and what each removal takes away.

    Parameters
    ----------
    inputs : mapping of region to array, shape (n_genes, 1 + first bins, 1 + n_tracks)
    network : UnfoldedNetwork
        Says what the first layer acts on.
    is_track : bool array, shape (n_regulators, n_tracks)

    Returns
    -------
    Pairs
    """
    n_regulators = len(is_track)
    owners = sparse.csr_array(is_track.T)  # (track, regulator)
    n_owners = np.diff(owners.indptr)
    entries: dict[str, tuple[NDArray[Any], ...]] = {}
    keys, first = [], 0
    for region, layer in network.regions.items():
        values = layer.values(inputs[region][:, :, 1:].astype(np.float64)).astype(np.float32)
        gene, row, track = np.nonzero(values)
        n_tracks = values.shape[2]
        owned = n_owners[first + track]
        place = np.repeat(owners.indptr[first + track], owned) + _counted(owned)
        key = np.repeat(gene, owned) * n_regulators + owners.indices[place]
        entries[region] = (np.repeat(values[gene, row, track], owned), key, np.repeat(row * n_tracks + track, owned))
        keys.append(key)
        first += n_tracks
    bound = np.unique(np.concatenate(keys)) if keys else np.zeros(0, dtype=np.int64)
    taken = {}
    for region, (value, key, column) in entries.items():
        n_rows, n_channels, _ = network.regions[region].weights.shape
        shape = (len(bound), n_rows * (n_channels - 1))
        taken[region] = sparse.csr_array((value, (np.searchsorted(bound, key), column)), shape=shape)
    return Pairs(bound // n_regulators, bound % n_regulators, taken)


def _counted(n: NDArray[np.integer]) -> NDArray[np.int64]:
    """0 to n - 1 for each n, one after the other."""
    values: NDArray[np.int64] = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return values


def _header(job: _Job) -> xr.Dataset:
    """Coordinates and attributes of the result."""
    bundle, chosen = job.bundle, job.features.take(job.rows)
    split = bundle.split_map
    ids = [str(name) for name in chosen.ids]
    coords: dict[str, Any] = {"gene_id": ids, "regulator": job.regulators.table.index.to_numpy(dtype=object)}
    coords |= {"task": list(bundle.tasks), "task_kind": ("task", np.array(bundle.task_kinds, dtype=object))}
    coords["gene"] = ("gene_id", chosen.genes["gene_id"].astype(str).to_numpy(dtype=object))
    for name in ("gene_name", "chrom", "strand"):
        coords[name] = ("gene_id", chosen.genes[name].astype(str).to_numpy(dtype=object))
    coords["split"] = ("gene_id", np.array([split.get(name, "") for name in ids], dtype=object))
    table = job.regulators.table
    for name, column in (
        ("kind", "regulator_kind"),
        ("regulator", "regulator_name"),
        ("n_tracks", "regulator_n_tracks"),
    ):
        coords[column] = ("regulator", table[name].to_numpy())
    attributes = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "level": chosen.level,
        "build": chosen.build,
        "architecture": bundle.network.architecture,
        "n_members": len(bundle.members),
        "seeds": json.dumps(list(bundle.seeds)),
        "model_sha256": model_hash(bundle),
        "features_sha256": features_hash(job.features),
        "versions": json.dumps(versions()),
    }
    return xr.Dataset(coords=coords, attrs=attributes)


def knockout_summary(found: xr.Dataset) -> pd.DataFrame:
    """How much each regulator matters over the genes it binds, one row a regulator and task.

    Parameters
    ----------
    found : xr.Dataset
        From `knock_out` or `read_knockout`.

    Returns
    -------
    pd.DataFrame
        regulator, kind, task, n_genes (bound), mean_effect, mean_effect_sd, mean_abs_effect, mean_abs_effect_sd: log2
        units, SD over members; regulators without a bound gene have empty numbers.
    """
    regulators, tasks = found["regulator"].to_numpy(), found["task"].to_numpy()
    table = pd.DataFrame(
        {
            "regulator": np.repeat(regulators, len(tasks)),
            "kind": np.repeat(found["regulator_kind"].to_numpy(), len(tasks)),
            "task": np.tile(tasks, len(regulators)),
            "n_genes": np.repeat(found["n_genes"].to_numpy(), len(tasks)),
        }
    )
    for name in ("mean_effect", "mean_effect_sd", "mean_abs_effect", "mean_abs_effect_sd"):
        table[name] = found[name].to_numpy().reshape(-1)
    return table
