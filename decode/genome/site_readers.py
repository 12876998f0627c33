"""Read a file of binding sites into one lean block of numbers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.core.chunks import line_chunks
from decode.genome import site_text
from decode.genome.assembly import Assembly
from decode.genome.site_block import Names, Rows, SiteBlock, is_score, joined
from decode.genome.site_files import SiteOptions, regulator_name
from decode.genome.site_layout import Layout, StrandUse, find_layout
from decode.genome.site_names import NAME_RULES, check_names, split_name
from decode.genome.site_text import END, NAME, ROLE_NAMES, SCORE, START, STRAND, Scan

BLOCK_BYTES = 1 << 25  # text that is held at a time

logger = logging.getLogger(__name__)

MAX_SCORE_WIDTH = 40
FEW_PAST, PAST_SHARE = 3, 0.001  # rows beyond a chromosome's end that peak callers leave; more are of another build
N_NAMES_TO_DOUBT = 100  # more regulators than this, and less than two sites each: names of sites


class SiteFile:
    """One pass over a file of sites: checks rows, keeps those on the assembly, and counts the others.

    Parameters
    ----------
    source : SiteOptions
        A `SiteSource`.
    path : Path
        The source's file, or one of its folder.
    assembly : Assembly
    strand : {"ignored", "wanted", "where given"}
    has_score : bool
        Whether scores are read.
    """

    def __init__(
        self, source: SiteOptions, path: Path, assembly: Assembly, *, strand: StrandUse, has_score: bool
    ) -> None:
        self.source, self.path, self.assembly = source, path, assembly
        self.strand: StrandUse = strand
        self.has_score = has_score
        self.label = f"{source.kind} sites {path}"
        self.names, self.biosamples = Names(), Names()
        self.n_rows, self.n_lines, self.n_below_score = 0, 0, 0
        self.skipped: dict[str, int] = {}
        self.n_past, self.first_past = 0, ""  # rows that end a few bases beyond their chromosome
        self.blank: str | None = None  # the first row without a regulator

    def read(self) -> tuple[SiteBlock, NDArray[np.float64]]:
        """The sites, and their scores (length 0 where they are not read)."""
        layout: Layout | None = None
        parts = []
        for text in line_chunks(self.path, f"{self.source.kind} sites", size=BLOCK_BYTES):
            if layout is None:
                if next(site_text.data_lines(text), None) is None:
                    self.n_lines += text.count(b"\n")
                    continue
                layout = find_layout(self.source, self.path, text, self.strand, has_score=self.has_score)
                if layout.format == "gtrd" and not text.startswith(b"#"):
                    text = b"#" + text  # a header that lost its '#'
            parts.append(self._rows(text, layout))
        if layout is None:
            raise ValueError(f"{self.label} hold no row; fetch or write the file again")
        rows = parts[0] if len(parts) == 1 else joined(parts)
        if layout.format in NAME_RULES:
            rows = self._by_cell(rows, layout.format)
        return self._block(rows, layout), rows.score

    def _by_cell(self, rows: Rows, rule: str) -> Rows:
        """Regulator and biosample of every name; a site that was seen in several cells becomes one in each."""
        try:
            pairs = [split_name(name, rule) for name in self.names.number]
        except ValueError as error:
            raise ValueError(f"{self.label}: {error}; name another --format") from error
        regulators, biosamples = Names(), Names()
        flat = [pair for own in pairs for pair in own]
        regulator, biosample = (
            np.array([names.number.setdefault(pair[part], len(names.number)) for pair in flat], dtype=np.int32)
            for part, names in enumerate((regulators, biosamples))
        )
        n_of = np.array([len(own) for own in pairs], dtype=np.int64)
        copies = n_of[rows.name]
        row = np.repeat(np.arange(len(rows.name)), copies)
        within = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        at = (np.cumsum(n_of) - n_of)[rows.name][row] + within
        if len(row) > len(rows.name):
            logger.info("%s: %d sites of several cells count in each", self.label, int((copies > 1).sum()))
        self.names, self.biosamples = regulators, biosamples
        columns: list[Any] = [column[row] if len(column) else column for column in rows]
        return Rows(*columns)._replace(name=regulator[at], biosample=biosample[at])

    def _rows(self, text: bytes, layout: Layout) -> Rows:
        found = site_text.scan(text, layout.columns, is_tab=layout.is_tab, after_colon=layout.format == "targetscan")
        if found.error != site_text.FINE:
            self._complain(text, found, layout)
        tokens = [self._decoded(text[at:stop]) for at, stop in found.token_at.tolist()]
        first, size = self._places(tokens)
        length = np.empty(len(found.start), dtype=np.int32)
        n_wrong, row, n_unknown, n_past, first_past = site_text.place(
            found.chrom, found.start, found.end, first, size, length
        )
        if n_past and not self.n_past:
            self.first_past = self._line(text, first_past, layout)[0]
        self.n_past += n_past
        if n_wrong:
            self._complain_of_place(text, row, n_wrong, layout, tokens[found.chrom[row]])
        self.n_rows += len(length)
        stated = ["" if token == "." else token for token in tokens]
        name = self._regulators(text, stated, found, layout) if NAME in layout.columns else found.name
        biosample = self.biosamples.of(stated, found.biosample)
        rows = Rows(name, biosample, found.start, length, found.strand, self._scores(text, found, layout))
        is_kept = np.ones(len(length), dtype=bool)
        if n_unknown:
            is_kept = first[found.chrom] >= 0
            n_of = np.bincount(found.chrom[~is_kept], minlength=len(tokens))
            for token in np.flatnonzero(n_of):
                self.skipped[tokens[token]] = self.skipped.get(tokens[token], 0) + int(n_of[token])
        if self.source.min_score is not None:
            is_high = rows.score >= self.source.min_score
            self.n_below_score += int((is_kept & ~is_high).sum())
            is_kept &= is_high
        self.n_lines += found.n_lines
        if n_unknown or self.source.min_score is not None:
            columns: list[Any] = [part[is_kept] if len(part) else part for part in rows]
            return Rows(*columns)
        return rows

    def _decoded(self, token: bytes) -> str:
        try:
            return token.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.label} hold text that is not UTF-8: {token[:40]!r}; convert the file") from error

    def _places(self, tokens: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Place on the axis and length of the chromosome that each token names; -1 and 0 for all other tokens."""
        names = [self.assembly.resolve(token) for token in tokens]
        offsets, sizes = self.assembly.offsets, self.assembly.sizes
        first = np.array([-1 if name is None else offsets[name] for name in names], dtype=np.int64)
        return first, np.array([0 if name is None else sizes[name] for name in names], dtype=np.int64)

    def _regulators(self, text: bytes, tokens: list[str], found: Scan, layout: Layout) -> NDArray[np.int32]:
        numbers = self.names.of([token.strip('"') for token in tokens], found.name)
        if "" in self.names.number and self.blank is None:
            row = int(np.argmax(numbers == self.names.number[""]))
            self.blank = self._line(text, row, layout)[0]
        if len(self.names.number) > max(N_NAMES_TO_DOUBT, self.n_rows // 2):
            raise ValueError(
                f"{self.label}: column {layout.columns[NAME] + 1} holds {len(self.names.number)} names in "
                f"{self.n_rows} rows ({listed(self.names.number, 3)}); these look like names of sites, "
                "not of regulators: put the regulator there, or put the file into a folder to take its name"
            )
        return numbers

    def _scores(self, text: bytes, found: Scan, layout: Layout) -> NDArray[np.float64]:
        if not self.has_score or not len(found.score_at):
            return np.zeros(0)
        width = max(int((found.score_at[:, 1] - found.score_at[:, 0]).max()), 1)
        if width <= MAX_SCORE_WIDTH:
            table = site_text.cells(np.frombuffer(text, dtype=np.uint8), found.score_at, width)
            try:
                scores: NDArray[np.float64] = table.view(f"S{width}").ravel().astype(np.float64)
                if not np.isnan(scores).any() and b"_" not in table.tobytes():  # 1_0 is a number to Python only
                    return scores
            except ValueError:
                pass
        for row, (at, stop) in enumerate(found.score_at.tolist()):
            written = text[at:stop].decode("utf-8", "replace")
            if not is_score(written):
                raise ValueError(
                    f"{self.label} {self._line(text, row, layout)[0]}: score {written[:40]!r} in column "
                    f"{layout.columns[SCORE] + 1} is not a number; name another score column, or set no min_score"
                )
        raise ValueError(f"{self.label}: scores are more than {MAX_SCORE_WIDTH} characters long; round them")

    def _line(self, text: bytes, row: int, layout: Layout) -> tuple[str, list[str]]:
        """Line number and text of a row, for a message, and its fields."""
        number, line = next(pair for i, pair in enumerate(site_text.data_lines(text)) if i == row)
        written = line.decode("utf-8", "replace")
        fields = written.split("\t") if layout.is_tab else written.split()
        return f"line {self.n_lines + number} ({' '.join(fields)[:100]!r})", fields

    def _complain(self, text: bytes, found: Scan, layout: Layout) -> NoReturn:
        where, fields = self._line(text, len(found.start), layout)
        start = f"{self.label} {where}"
        column = layout.columns.get(found.error_role, 0)
        if found.error == site_text.NO_COLUMN:
            missing = {role: column for role, column in layout.columns.items() if column >= len(fields)}
            listing = listed(f"column {column + 1} ({ROLE_NAMES[role]})" for role, column in missing.items())
            hint = (
                "strand is needed here: give BED with six columns" if STRAND in missing else "check the column numbers"
            )
            raise ValueError(f"{start} has {len(fields)} column(s) and lacks {listing}; {hint}")
        if found.error == site_text.TOO_MANY_NAMES:
            raise ValueError(
                f"{self.label} hold more than {len(found.token_at)} different names; these look like names of sites, "
                "not of regulators or biosamples: check the columns"
            )
        got = repr(fields[column][:40])
        if found.error == site_text.NO_STRAND:
            raise ValueError(f"{start} has the strand {got} in column {column + 1}; wanted +, - or .")
        if found.error == site_text.NO_FAMILY:
            raise ValueError(f"{start} has the name {got}; wanted GENE:family, as TargetScan writes it")
        hint = "put a # before the header" if not self.n_rows and not len(found.start) else "correct or remove the row"
        raise ValueError(f"{start}: {ROLE_NAMES[found.error_role]} {got} is not a whole number; {hint}")

    def _complain_of_place(self, text: bytes, row: int, n_wrong: int, layout: Layout, chrom: str) -> NoReturn:
        where, fields = self._line(text, row, layout)
        start, end = (int(fields[layout.columns[role]]) for role in (START, END))
        name = self.assembly.resolve(chrom)
        if start < 0:
            reason = "the start is negative; coordinates are 0-based: correct or remove the row"
        elif start >= end:
            reason = "the start is not below the end; sites are 0-based half-open: correct or remove the row"
        else:
            reason = (
                f"the end lies beyond {name} of {self.assembly.name} ({self.assembly.sizes[name or '']} bp); the sites "
                "are probably of another genome build: name their build, or lift them over (decode sites liftover)"
            )
        more = f" (+{n_wrong - 1} more such rows)" if n_wrong > 1 else ""
        raise ValueError(f"{self.label} {where}{more}: {reason}")

    def _tracks(self, rows: Rows, layout: Layout) -> tuple[list[str], list[str], NDArray[np.int32]]:
        names = list(self.names.number) if NAME in layout.columns else [layout.regulator or ""]
        if self.blank is not None:
            if names != [""] or layout.format != "bed":
                raise ValueError(f"{self.label} {self.blank} names no regulator; name it, or remove the row")
            names = [regulator_name(self.path)]
        if layout.format == "bed" and NAME in layout.columns and self.source.kind in ("TF", "RBP"):
            check_names(names, self.label, self.source.kind)
        biosamples = list(self.biosamples.number) or [""]
        if len(names) == len(biosamples) == 1:
            return names, biosamples, np.zeros(len(rows.position), dtype=np.int32)
        pair = rows.biosample.astype(np.int64) if len(biosamples) > 1 else np.zeros(len(rows.position), dtype=np.int64)
        if len(names) > 1:
            pair += rows.name.astype(np.int64) * len(biosamples)
        is_used = np.zeros(len(names) * len(biosamples), dtype=bool)
        is_used[pair] = True
        used = np.flatnonzero(is_used)
        track = (np.cumsum(is_used, dtype=np.int32) - 1)[pair]
        of = [divmod(int(number), len(biosamples)) for number in used]
        return [names[name] for name, _ in of], [biosamples[biosample] for _, biosample in of], track

    def _block(self, rows: Rows, layout: Layout) -> SiteBlock:
        n_skipped = sum(self.skipped.values())
        if n_skipped == self.n_rows:
            raise ValueError(
                f"{self.label}: none of its {self.n_rows} rows lies on a chromosome of {self.assembly.name}; it has "
                f"{listed(self.skipped)}, the build has {listed(self.assembly.sizes, 3)}: check the build"
            )
        if not len(rows.position) and not self.source.path.is_dir():
            raise ValueError(f"{self.label}: no row scores {self.source.min_score:g} or more; lower min_score")
        regulators, biosamples, track = self._tracks(rows, layout)
        strand = rows.strand if STRAND in layout.columns else np.zeros(len(track), dtype=np.int8)
        n_names = len(self.names.number) if NAME in layout.columns else 1
        counts: dict[str, Any] = {
            "n_rows": self.n_rows,
            "n_skipped_chromosome": n_skipped,
            "skipped_chromosomes": self.skipped,
            "n_below_score": self.n_below_score,
            "n_clipped_at_chromosome_end": self.n_past,
            "n_regulators_left_out": n_names - len(set(regulators)),
        }
        if self.n_past > max(FEW_PAST, PAST_SHARE * self.n_rows):
            raise ValueError(
                f"{self.label} {self.first_past} and {self.n_past - 1} more of {self.n_rows} rows end beyond their "
                f"chromosome of {self.assembly.name}; the sites are probably of another genome build: name their "
                "build, or lift them over (decode sites liftover)"
            )
        if self.n_past:
            logger.warning(
                "%s: %d of %d sites end at most %d bp beyond their chromosome and are clipped: %s",
                self.label, self.n_past, self.n_rows, site_text.CLIP_BP, self.first_past,
            )  # fmt: skip
        if n_skipped:
            logger.warning(
                "%s: %d of %d rows lie on chromosomes that %s lacks and are skipped: %s",
                self.label, n_skipped, self.n_rows, self.assembly.name, listed(self.skipped),
            )  # fmt: skip
        if self.n_below_score:
            threshold = self.source.min_score
            logger.info("%s: %d of %d rows score below %g", self.label, self.n_below_score, self.n_rows, threshold)
        if self.strand == "wanted":
            counts["n_without_strand"] = n_without = int((strand == 0).sum())
            if n_without:
                logger.warning("%s: %d of %d sites have no strand and match both", self.label, n_without, len(track))
        return SiteBlock(regulators, biosamples, track, rows.position, rows.length, strand, counts)


def read_block(source: SiteOptions, path: str | Path, assembly: Assembly, *, stranded: bool) -> SiteBlock:
    """Read one file of sites into numbers: no data frame, no Python work per row.

    Parameters
    ----------
    source : SiteOptions
        A `SiteSource`.
    path : str or Path
        The source's file, or one of its folder (`source_files`).
    assembly : Assembly
        Coordinates are checked against it; rows on chromosomes that it lacks are skipped, counted and logged.
    stranded : bool
        Whether strand is needed. If not, it is not read.

    Returns
    -------
    SiteBlock
        One track for each regulator and biosample.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, damaged or has no row on the assembly; if a row has a negative coordinate, start >= end,
        an end beyond its chromosome, text where a number belongs, no regulator, or lacks a column that is needed. The
        sentence names the line.

    Examples
    --------
    >>> import tempfile
    >>> from decode.genome.assembly import get_assembly
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "sites.bed")
    >>> _ = path.write_text("chr1\\t100\\t150\\tCTCF\\nchr1\\t120\\t180\\tREST\\n")
    >>> from decode.genome.site_sources import SiteSource
    >>> block = read_block(SiteSource("TF", path), path, get_assembly("hg38"), stranded=False)
    >>> block.regulators, block.track.tolist(), block.position.tolist(), block.length.tolist()
    (['CTCF', 'REST'], [0, 1], [100, 120], [50, 60])
    >>> folder.cleanup()
    """
    has_score = source.min_score is not None
    strand: StrandUse = "wanted" if stranded else "ignored"
    return SiteFile(source, Path(path), assembly, strand=strand, has_score=has_score).read()[0]
