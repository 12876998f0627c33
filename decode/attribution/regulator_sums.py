"""Sums over genes for every regulator and member: what rankings stand on, taken while a member is in memory.

A file of attributions keeps the mean and spread over members of every gene and track. The spread of a sum over genes or
tracks does not follow from those, so it is summed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]


class RegulatorSums(NamedTuple):
    """Sums over some genes; a regulator's attribution in a gene is the sum over its tracks.

    Attributes
    ----------
    member, member_abs : float64 array, shape (n_members, n_regulators, n_tasks)
        Of the attribution and of its absolute value, in each member.
    ensemble_abs : float64 array, shape (n_regulators, n_tasks)
        Of the absolute value of the members' mean.
    member_length, member_length_abs : float64 array, shape (n_members, n_tasks)
        Of the length effect.
    member_usage, ensemble_usage : float64 arrays as member and ensemble_abs, or None
        Of the variance over a gene's transcripts; None at gene level.
    """

    member: Sums
    member_abs: Sums
    ensemble_abs: Sums
    member_length: Sums
    member_length_abs: Sums
    member_usage: Sums | None
    ensemble_usage: Sums | None


# Variable of the file that a sum becomes when it is divided by the number of genes: name, dimensions, meaning.
VARIABLES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "member": (
        "member_mean",
        ("member", "regulator", "task"),
        "mean over genes of the regulator's attribution (its tracks summed) in each member",
    ),
    "member_abs": (
        "member_mean_abs",
        ("member", "regulator", "task"),
        "mean over genes of the regulator's absolute attribution (its tracks summed) in each member",
    ),
    "ensemble_abs": (
        "regulator_mean_abs",
        ("regulator", "task"),
        "mean over genes of the absolute value of the regulator's attribution, which is the mean over members",
    ),
    "member_length": ("member_length_mean", ("member", "task"), "mean over genes of the length effect in each member"),
    "member_length_abs": (
        "member_length_mean_abs",
        ("member", "task"),
        "mean over genes of the absolute length effect in each member",
    ),
    "member_usage": (
        "member_usage",
        ("member", "regulator", "task"),
        "variance (n - 1) of the regulator's attribution over a gene's transcripts, mean over genes of two or more",
    ),
    "ensemble_usage": (
        "regulator_usage",
        ("regulator", "task"),
        "the same of the attribution's mean over members",
    ),
}
USAGE = ("member_usage", "ensemble_usage")


class SumTaker:
    """Take the sums of a block of genes, member by member.

    Parameters
    ----------
    code : int array, shape (n_tracks,)
        Regulator of each track; every number from 0 to the largest occurs.
    n_own : int
        Rows, from the first, that the block stands for; further rows only complete the transcripts of a gene.
    usage_gene : int array, shape (n_rows,), optional
        Gene of each transcript, -1 for a gene that counts elsewhere or has one transcript; None at gene level.
    pairs : (int array, int array), optional
        Row and track of each attribution, sorted by row; default: every track of every row.
    """

    def __init__(
        self,
        code: NDArray[np.int64],
        n_own: int,
        usage_gene: NDArray[np.int64] | None,
        pairs: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    ) -> None:
        self.code = code
        self.n_own = n_own
        self.usage_gene = usage_gene
        self._groups = None if pairs is None else _Groups(*pairs, code, n_own)
        self._members: list[list[Sums]] = []
        self._ensemble: NDArray[np.float64] | None = None

    def add(self, length: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Take in one member: length effect (row, task) and attributions (pair, task), or (row, track, task).

        Returns
        -------
        array, shape (n_groups, n_tasks)
            The member's attributions summed over the tracks of each regulator in each row where it has one; see
            `spread_out`.
        """
        if self._groups is None:
            row, track = (place.ravel() for place in np.indices(values.shape[:2]))
            self._groups = _Groups(row, track, self.code, self.n_own)
        groups = self._groups
        summed = groups.sum(values.reshape(-1, values.shape[-1]))
        own_length = length[: self.n_own]
        sums = [groups.total(summed), groups.total(np.abs(summed)), _total(own_length), _total(np.abs(own_length))]
        if self.usage_gene is not None:
            sums.append(usage_sum(groups.dense(summed, len(self.usage_gene)), self.usage_gene))
        self._members.append(sums)
        if self._ensemble is None:
            self._ensemble = summed.astype(np.float64)
        else:
            self._ensemble += summed
        return summed

    def spread_out(self, summed: NDArray[np.floating]) -> NDArray[np.floating]:
        """What belongs to a regulator in a row, written out for own rows, (n_own, n_regulators, ...); 0 elsewhere."""
        if self._groups is None:
            raise RuntimeError("no member was added")
        return self._groups.dense(summed, self.n_own)

    def result(self) -> RegulatorSums:
        """The sums of all members so far."""
        if self._ensemble is None or self._groups is None:
            raise RuntimeError("no member was added")
        mean = self._ensemble / len(self._members)
        member, member_abs, length, length_abs, *usage = (np.stack(parts) for parts in zip(*self._members, strict=True))
        ensemble_usage = None
        if self.usage_gene is not None:
            ensemble_usage = usage_sum(self._groups.dense(mean, len(self.usage_gene)), self.usage_gene)
        return RegulatorSums(
            member=member,
            member_abs=member_abs,
            ensemble_abs=self._groups.total(np.abs(mean)),
            member_length=length,
            member_length_abs=length_abs,
            member_usage=usage[0] if usage else None,
            ensemble_usage=ensemble_usage,
        )


class _Groups:
    """Pairs of row and track by row and regulator."""

    def __init__(self, row: NDArray[np.int64], track: NDArray[np.int64], code: NDArray[np.int64], n_own: int) -> None:
        self.n_regulators = int(code.max(initial=-1)) + 1
        key = row * self.n_regulators + code[track]
        self.order = np.argsort(key, kind="stable")
        self.keys, self.starts = np.unique(key[self.order], return_index=True)
        self.n_own = n_own
        regulator = self.keys[self.keys < n_own * self.n_regulators] % max(self.n_regulators, 1)
        self.by_regulator = np.argsort(regulator, kind="stable")
        self.regulators, self.regulator_starts = np.unique(regulator[self.by_regulator], return_index=True)

    def sum(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Sum over the tracks of a regulator in a row."""
        if not len(self.starts):
            return np.zeros((0, values.shape[1]), dtype=values.dtype)
        summed: NDArray[np.floating] = np.add.reduceat(values[self.order], self.starts, axis=0)
        return summed

    def total(self, summed: NDArray[np.floating]) -> Sums:
        """Sum over the own rows, shape (n_regulators, n_tasks)."""
        total = np.zeros((self.n_regulators, summed.shape[1]))
        if len(self.regulators):
            chosen = summed[self.by_regulator].astype(np.float64)
            total[self.regulators] = np.add.reduceat(chosen, self.regulator_starts, axis=0)
        return total

    def dense(self, summed: NDArray[np.floating], n_rows: int) -> NDArray[np.floating]:
        """Written out, 0 where a regulator has no track, shape (n_rows, n_regulators, ...)."""
        out = np.zeros((n_rows * self.n_regulators, *summed.shape[1:]), dtype=summed.dtype)
        is_within = self.keys < len(out)
        out[self.keys[is_within]] = summed[is_within]
        return out.reshape(n_rows, self.n_regulators, *summed.shape[1:])


def usage_sum(values: NDArray[np.floating], gene: NDArray[np.int64]) -> Sums:
    """Sum over genes of the variance over a gene's transcripts.

    Parameters
    ----------
    values : array, shape (n_transcripts, n_regulators, n_tasks)
        Attributions.
    gene : int array, shape (n_transcripts,)
        Gene of each transcript; -1 is left out. A gene has two transcripts or more.

    Returns
    -------
    float64 array, shape (n_regulators, n_tasks)
        sum over genes g of sum over its transcripts t of (a_t - mean_g)^2 / (n_g - 1), a being the attribution.

    References
    ----------
    Tasaki et al. 2020, Methods: variance over the transcripts of a gene, averaged over genes; they do not say whether
    by n or n - 1, and n - 1 is what R's var divides by.

    Examples
    --------
    >>> attributions = np.array([1.0, 3.0, 5.0, 5.0, 9.0])[:, None, None]
    >>> usage_sum(attributions, np.array([0, 0, 1, 1, -1])).tolist()  # 2 and 0
    [[2.0]]
    """
    total = np.zeros(values.shape[1:])
    for number in np.unique(gene[gene >= 0]):
        total += np.var(values[gene == number], axis=0, ddof=1, dtype=np.float64)
    return total


def add_up(blocks: Iterable[RegulatorSums]) -> RegulatorSums:
    """Sum over blocks, in their order, so that a resumed run gives the same numbers."""
    found: list[Sums | None] | None = None
    for block in blocks:
        if found is None:
            found = [None if part is None else part.copy() for part in block]
            continue
        for total, part in zip(found, block, strict=True):
            if total is not None and part is not None:
                total += part
    if found is None:
        raise ValueError("there is no block to add up")
    return RegulatorSums(*found)  # type: ignore[arg-type]


def means(sums: RegulatorSums, n_genes: int, n_usage_genes: int) -> dict[str, Sums]:
    """Variables of the file from sums over all genes; no usage where no gene has two transcripts."""
    found = {}
    for field, values in sums._asdict().items():
        n = n_usage_genes if field in USAGE else n_genes
        if values is not None and n:
            found[VARIABLES[field][0]] = values / n
    return found


def _total(values: NDArray[np.floating]) -> Sums:
    total: Sums = values.sum(axis=0, dtype=np.float64)
    return total
