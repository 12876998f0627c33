"""Every command that writes, on toy inputs, and how its output looks before it is replaced."""

from __future__ import annotations

from typing import NamedTuple

TRAINING = "--max-epochs 2 --patience 2"
SHORT = (  # one of each way to write, for the tests
    "features build", "sites liftover", "expression tissue", "train", "attribute",
    "mediate", "models add", "landmark prepare",
)  # fmt: skip
SMALL = f"{TRAINING} --members 1"
BUILD = (
    "--annotation {annotation} --build toy --sizes {sizes} --promoter-sites TF={promoter_sites} "
    "--biosample-column TF=7 --rna-sites RBP={rna_sites} --biosample-column RBP=7 --rna-sites miRNA={mirna_sites}"
)
SAMPLES = "--samples {samples}"


class Command(NamedTuple):
    """A command and what it writes.

    Attributes
    ----------
    name : str
    line : str
        Its arguments; names in braces stand for inputs, `{out}` for the folder of its results.
    out : str
        What it writes, in that folder; "" is the folder itself.
    other : str
        Arguments that are added for the output which is replaced afterwards; `swap:NAME` takes the input other_NAME.
    gives : str
        The name under which later commands find what it wrote.
    trains : bool
        Whether it trains networks, so that a run takes seconds.
    words : str
        The command, where `name` is another.
    timed : tuple of str
        Files that show how long it took: they must be there, and may differ.
    n_kills : int or None
        At most, over each start, where a run takes half a minute.
    """

    name: str
    line: str
    out: str
    other: str
    gives: str = ""
    trains: bool = False
    words: str = ""
    timed: tuple[str, ...] = ()
    n_kills: int | None = None

    def arguments(self, inputs: dict[str, str], out: str, *, other: bool = False) -> list[str]:
        """Arguments of `decode`.

        Parameters
        ----------
        inputs : dict of str to str
            What the names in braces stand for.
        out : str
            The folder of results.
        other : bool
            Whether to make the output that is replaced afterwards.
        """
        text = f"{self.words or self.name} {self.line} {self.other if other else ''}"
        parts = text.split()
        swapped = [part.removeprefix("swap:") for part in parts if part.startswith("swap:")]
        known = inputs | {name: inputs[f"other_{name}"] for name in swapped}
        return [part.format(out=out, **known) for part in parts if not part.startswith("swap:")]


COMMANDS: tuple[Command, ...] = (
    Command("features build", f"{BUILD} --out {{out}}/f.h5", "f.h5", "--bin-size 200", "features"),
    Command("features export", "{features} --out {out}/e", "e", "--genes {gene}"),
    Command("sites liftover", "{bed} --chain {chain} --out {out}/l.bed.gz", "l.bed.gz", "swap:bed"),
    Command("expression tissue", "{tissue_tpm} --out {out}/t.tsv.gz", "t.tsv.gz", "--min-tpm 30", "targets"),
    Command("expression table", "{tissue_tpm} --out {out}/t.tsv", "t.tsv", "--no-centre"),
    Command("expression person", "{person_tpm} " + SAMPLES + " --covariates batch --out {out}/p.tsv.gz", "p.tsv.gz",
            "--median-level", "person_targets"),
    Command("train", "{features} {targets} " + TRAINING + " --members 2 --out {out}/m", "m", "--seed 5", "model", True),
    Command("evaluate", "{model} {features} {targets} --out {out}/e", "e", "--split validation", "evaluation"),
    Command("predict", "{model} {features} --out {out}/p.tsv", "p.tsv", "--spread"),
    Command("tune", "{features} {targets} --trials 2 --members-per-trial 1 --algorithm random --max-epochs 1 "
            "--patience 1 --out {out}/t", "t", "--seed 3", trains=True),
    Command("deprior", "{features} --ranks {prior} --expression {tissue_tpm} --seeds 1 --high-rank 0.5 "
            "--members 1 --max-epochs 2 --out {out}/d", "d", "--seed 3", trains=True),
    Command("drivers", "{de} --features {features} --independent-genes --no-evidence --score joint --draws 50 "
            "--out {out}/d", "d", "--top 3", "drivers"),
    Command("drivers with lines", "{de} --features {features} --independent-genes --coexpression {person_tpm} "
            "--draws 50 --out {out}/d", "d", "--top 3", words="drivers"),
    Command("atlas", "{gene} --model {model} --features {features} --out {out}/a", "a", "--top 3"),
    Command("atlas page", "--model {model} --features {features} --out {out}/a.html", "a.html", "--top 3",
            words="atlas"),
    Command("models summarise", "{model} {features} --out {out}/summary.npz", "summary.npz", "--n-top 1"),
    Command("attribute", "{model} {features} --out {out}/a.nc --stability {out}/s.tsv", "a.nc",
            "--reference median_length", "attributions"),
    Command("attribute bins", "{model} {features} --genes {two_genes} --bins --bedgraph {out}/g --out {out}/b.nc "
            "--annotation {annotation} --sizes {sizes}", "b.nc", "--reference median_length", words="attribute"),
    Command("null", "{model} {features} {targets} --refits 4 --out {out}/n.nc --figure {out}/n.png", "n.nc", "--seed 7",
            trains=True),
    Command("decoys", "{model} {features} {targets} --out {out}/d.tsv", "d.tsv", "--seed 7", trains=True),
    Command("rank", "{attributions} --out {out}/r.tsv --figures {out}/figures",
            "r.tsv", "swap:attributions", "ranking"),
    Command("network", "{attributions} --task overall --out {out}/n.tsv", "n.tsv", "--top 3"),
    Command("regulators expression", "--ranking {ranking} --expression {tissue_tpm} --features {features} --draws 50 "
            "--out {out}/r", "r", "--seed 3"),
    Command("regulators gene-lists", "--ranking {ranking} --gene-list a={gene_list} --features {features} "
            "--out {out}/r", "r", "--task tissue_1"),
    Command("regulators gene-sets", "--ranking {ranking} --gene-sets {gene_sets} --min-size 2 --permutations 50 "
            "--features {features} --out {out}/r", "r", "--seed 3"),
    Command("knockout", "{model} {features} --genes {two_genes} --out {out}/k.nc --summary {out}/k.tsv "
            "--figures {out}/figures",
            "k.nc",
            "--regulators {regulator}"),
    Command("disrupt", "{model} {features} --genes {gene} --out {out}/d.tsv --figure {out}/d.png", "d.tsv",
            "--window 3"),
    Command("train persons", "{features} {person_targets} --transfer-from {model} --transfer head " + TRAINING
            + " --out {out}/m", "m", "--seed 5", "person_model", True, words="train"),
    Command("coexpression", "{person_model} {features} --pair {pair} --draws 30 --resamples 5 --out {out}/c", "c",
            "--seed 3"),
    Command("mediate", "{log2} --pair {pair} --regulators {pair_regulators} --features {features} --draws 50 "
            "--out {out}/m.json", "m.json", "--seed 3"),
    Command("coexpression-prediction", "{person_model} {features} {person_targets} --split all --resamples 5 "
            "--out {out}/c", "c", "--seed 3"),
    Command("persons evaluate", "{person_model} {features} {person_targets} --out {out}/p", "p", "--split validation"),
    Command("project", "{person_model} {features} {new_samples} --out {out}/p.tsv.gz --levels", "p.tsv.gz",
            "--persons {person_targets}"),
    Command("differential", "{log2} " + SAMPLES + " --design ~age+sex --out {out}/d.tsv", "d.tsv", "--trend"),
    Command("activity", "{person_model} {features} --out {out}/a.tsv.gz", "a.tsv.gz",
            "--split validation", "activities"),
    Command("cv", "{features} {targets} --folds 2 " + SMALL + " --out {out}/c", "c", "--seed 3", trains=True),
    Command("randomise", "{features} {targets} --seeds 1 " + SMALL + " --out {out}/r", "r", "--seed 3", trains=True),
    Command("compare single-task", "{features} {targets} --tasks tissue_1 --seeds 1 " + SMALL + " --out {out}/c", "c",
            "--seed 3", trains=True,
            timed=("comparison.tsv", "summary.tsv", "single_task.png", "single_task.svg")),
    Command("features build transcripts", f"{BUILD} --level transcript --out {{out}}/f.h5",
            "f.h5", "--bin-size 200", words="features build"),
    Command("expression of transcripts", "{transcript_tpm} --out {out}/t.tsv.gz", "t.tsv.gz", "--min-tpm 3",
            "transcript_targets", words="expression tissue"),
    Command("train transcripts", "{transcript_features} {transcript_targets} " + SMALL + " --out {out}/m", "m",
            "--seed 5", "transcript_model", True, words="train"),
    Command("usage", "{transcript_model} {transcript_features} {transcript_targets} --out {out}/u", "u",
            "--split validation"),
    Command("models add", "{model} --name toy --card {card} --registry {out}/models.json", "models.json",
            "swap:model", "registry"),
    Command("report", "tissues={evaluation} ranks={ranking} contrast={drivers} --xlsx --out {out}/r.html", "r.html",
            "--title Another"),
    Command("compare expecto", "{features} --targets {targets} --test-chromosome chr1 --runs 1 " + SMALL
            + " --out {out}/c", "c", "--seed 3", trains=True),
    Command("compare predixcan", "{features} {genotyped} --genotypes {genotypes} --folds 2 --inner-folds 2 "
            "--permutations 1 --min-maf 0 --sizes {sizes} --out {out}/c", "c", "--seed 3"),
    Command("demo", "--out {out}/d", "d", "--seed 1", trains=True, n_kills=3),
    Command("landmark prepare", "{profiles} --labels {profile_samples} --out {out}/p.h5", "p.h5", "--seed 3",
            "prepared"),
    Command("landmark train", "{prepared} --hidden 8 --bottleneck 4 --epochs 2 --min-updates 0 --members 2 "
            "--out {out}/AE", "AE", "--seed 3", "autoencoder", True),
    Command("landmark select", "{autoencoder} {prepared} --size 6 --repeats 2 --out {out}/p.tsv "
            "--all-scores {out}/s.tsv.gz", "p.tsv", "--seed 3", "panel"),
    Command("landmark embed", "{autoencoder} {profiles} --labels {profile_samples} --out {out}/e.tsv", "e.tsv",
            "--member 1"),
    Command("landmark evaluate", "{panel} {prepared} --random 2 --sizes 4,6 --methods variance --imputers ridge "
            "--out {out}/e", "e", "--seed 3"),
    Command("landmark train-imputer", "{panel} {prepared} --method ridge --out {out}/i", "i", "--seed 3", "imputer"),
    Command("landmark impute", "{imputer} {profiles} --out {out}/i.tsv.gz", "i.tsv.gz", "swap:profiles"),
    Command("landmark enrich", "{hubs} {prepared} --gene-sets {profile_sets} --min-size 1 --out {out}/e.tsv", "e.tsv",
            "--max-size 40"),
)  # fmt: skip
