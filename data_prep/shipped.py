"""What the package brings along: features of ENCODE on hg19, models of 37 tissues and of the DE prior, and a summary.

python -m data_prep.shipped --from FOLDER --work DIR

FOLDER holds the files of `encode-hg19` and the ranks of the DE prior (see sources.json). Every step leaves its result
in DIR and is done once; the entries and files go into decode/registry. With the same seeds and library versions the
same models come out; with other versions their accuracy stays within the spread over seeds.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_prep.build import build
from data_prep.sites import OUT as SITES
from data_prep.sources import obtain, source
from decode.core.choices import Architecture
from decode.core.files import read_json_object, to_json, write_json
from decode.drivers.prior import read_de_prior
from decode.evaluation.evaluate import evaluate
from decode.expression.readers import read_expression
from decode.expression.targets import read_targets
from decode.features.build import build_features
from decode.features.matrix import RegulatoryFeatures
from decode.features.region import RegionMatrix
from decode.features.regions import PotentialRegion, Region, WindowRegion
from decode.genome.annotation import read_annotation
from decode.genome.gene_models import gene_models
from decode.genome.site_sources import SiteSource
from decode.genome.structure import with_structure
from decode.models.bundle import ModelBundle, load_bundle, save_bundle
from decode.models.bundle_record import SUMMARY
from decode.models.config import network_config
from decode.persons.de_prior_model import HIGH_RANK, MODEL, fit_de_prior
from decode.registry.defaults import DE_PRIOR, NAMES
from decode.registry.publish import add_entry
from decode.registry.store import PACKAGED
from decode.registry.summary import write_summary
from decode.regulators.summarise import summarise
from decode.training.config import TrainingConfig
from decode.training.ensemble import train

logger = logging.getLogger(__name__)

MANTISSA_BITS = 10  # of a stored potential: 0.05 % of its value, and a quarter less of the file
WEIGHT_BITS = 12  # of the weights of models beside the default one: 0.01 %, and a third less of the wheel
MEMBERS, SEED = 5, 0
FREE = "free use, cite ENCODE"
SITES_MADE_FROM = [
    {
        "name": "ChIP-seq peaks of 134 factors in 6 cell lines (uniform processing)",
        "source": "encodeproject.org, by UCSC",
        "licence": FREE,
    },
    {
        "name": "eCLIP peaks (IDR) of 168 proteins in K562 and HepG2, lifted to hg19",
        "source": "encodeproject.org",
        "licence": FREE,
    },
    {"name": "GENCODE v19, protein-coding genes", "source": "gencodegenes.org", "licence": "open access"},
    {"name": "RefSeq transcripts of hg19 (gene structure)", "source": "UCSC refGene, NCBI", "licence": "public"},
]
WITH_SUMMARY = (
    "; summary.npz: regulators ranked over the 1,785 test genes with the interval of their rank over members, two "
    "strongest regulators of every gene and tissue, ten of every gene and the bins where they act (DeepLIFT against a "
    "gene without sites), for decode atlas"
)
TISSUES = {
    "name": "TPM of 37 GTEx tissues",
    "source": "Human Protein Atlas 21.1 (rna_tissue_gtex), from GTEx",
    "licence": "CC BY-SA 3.0, Human Protein Atlas; GTEx open access",
}


DE_PRIOR_RANKS = {
    "name": "DE prior: how often a gene is differentially expressed in human experiments",
    "source": "Crow et al. 2019, PNAS 116:6491 (maggiecrow/DEprior)",
    "licence": "none stated; cite the paper",
}
DE_PRIOR_BASELINES = (
    "length_only",
    "ridge_totals",
    "ridge_ranks",
    "ridge_structure",
    "site_number",
    "expression",
    "expression_and_totals",
)


def rounded(values: NDArray[np.float32], bits: int = MANTISSA_BITS) -> NDArray[np.float32]:
    """Numbers with so many bits of mantissa, which compress better.

    Examples
    --------
    >>> float(rounded(np.array([1.2345678], dtype=np.float32), 4)[0])
    1.25
    """
    dropped = 23 - bits
    half = np.uint64(1 << (dropped - 1))
    shifted = (values.view(np.uint32).astype(np.uint64) + half) >> np.uint64(dropped) << np.uint64(dropped)
    return shifted.astype(np.uint32).view(np.float32)


def make_features(folder: Path, made: Path) -> tuple[RegulatoryFeatures, RegulatoryFeatures]:
    """Features that ship, with potentials for lines of evidence, and those of them that models are trained on.

    Parameters
    ----------
    folder : Path
        Files of `encode-hg19`.
    made : Path
        Folder of `data_prep.build`.
    """
    structure = read_annotation(
        obtain(source("annotation", "refgene-hg19"), "annotation", folder=folder).path, build="hg19"
    )
    models = with_structure(
        gene_models(read_annotation(made / "annotation" / "annotation.gtf.gz", build="hg19")), structure
    )
    tf = made / "tf_sites" / SITES
    sources = [
        SiteSource("TF", tf, biosample_column=7),
        SiteSource("RBP", made / "rbp_sites" / SITES, biosample_column=7),
        SiteSource("TF", tf, biosample_column=7, region="downstream"),
        SiteSource("TF", tf, biosample_column=7, region="potential"),
    ]
    regions: list[Region] = [WindowRegion("downstream", 1000, 10_000, bin_size=1000), PotentialRegion()]
    features = build_features(models, sources, regions=regions)
    features = replace(features, sources=[{**item, "path": Path(str(item["path"])).name} for item in features.sources])
    potential = features.regions["potential"]
    data = potential.data.copy()
    data.data = rounded(data.data.astype(np.float32))
    kept = RegionMatrix("potential", data, potential.offsets, potential.bin_length_bp)
    whole = replace(features, regions={**features.regions, "potential": kept})
    return whole, without_region(whole, "potential")


def without_region(features: RegulatoryFeatures, region: str) -> RegulatoryFeatures:
    """The features without one of their regions."""
    return replace(
        features,
        regions={name: matrix for name, matrix in features.regions.items() if name != region},
        tracks=features.tracks[features.tracks["region"] != region].reset_index(drop=True),
        definitions={name: value for name, value in features.definitions.items() if name != region},
    )


def round_weights(bundle: ModelBundle, bits: int = WEIGHT_BITS) -> ModelBundle:
    """Round the weights of all members, in place: they compress better."""
    for member in bundle.members:
        member.bins.set_weights([rounded(np.asarray(weight, dtype=np.float32), bits) for weight in member.bins.weights])
    return bundle


def make_de_prior(
    features: RegulatoryFeatures,
    ranks: Path,
    tpm: Path,
    out: Path,
    *,
    seed: int = SEED,
    training: TrainingConfig | None = None,
) -> list[dict[str, Any]]:
    """Train the model of the DE prior into `out`, beside it its metrics with baselines; made before, it is read.

    Parameters
    ----------
    features : RegulatoryFeatures
    ranks : Path
        The published ranks.
    tpm : Path
        TPM by tissue: a baseline sees the expression of a gene and no site.
    out : Path
    seed : int
    training : TrainingConfig, optional
        Default: as many members as the other models.

    Returns
    -------
    list of dict
        measure, part, value, baselines.
    """
    judged = out.with_name(f"{out.name}.metrics.json")
    if not (out.is_dir() and judged.is_file()):
        result = fit_de_prior(
            features,
            read_de_prior(ranks, features.genes),
            training=training or TrainingConfig(members=MEMBERS, seed=seed),
            seeds=[seed],
            expression=read_expression(tpm),
            folder=out.with_name(f"{out.name}.runs"),
        )
        save_bundle(round_weights(result.bundle), out)
        write_json({"metrics": de_prior_metrics(result.accuracy, result.randomisation)}, judged)
    metrics: list[dict[str, Any]] = read_json_object(judged, "metrics")["metrics"]
    return metrics


def de_prior_metrics(accuracy: pd.DataFrame, randomisation: pd.DataFrame) -> list[dict[str, Any]]:
    """Spearman and AUROC on test genes beside what needs no network, and beside a network on shuffled sites."""
    test = accuracy[accuracy["part"] == "test"]
    shuffled = randomisation[randomisation["variant"] == "all_shuffled"]
    measures = {"spearman": "Spearman rho, logit of the DE prior rank", "auroc": f"AUROC of ranks above {HIGH_RANK:g}"}
    metrics = []
    for figure, measure in measures.items():
        by_name = dict(zip(test["predictor"], test[figure].astype(float), strict=True))
        baselines = {name: by_name[name] for name in DE_PRIOR_BASELINES if name in by_name}
        baselines["shuffled_sites"] = float(shuffled[figure].mean())
        part = f"{int(test['n_genes'].max())} test genes"
        metrics.append({"measure": measure, "part": part, "value": by_name[MODEL], "baselines": baselines})
    return metrics


def ship(folder: Path, work: Path, registry: Path) -> list[str]:
    """Build, train, judge and register everything; names of the entries.

    Raises
    ------
    FileNotFoundError, ValueError, OSError
        If a file is not there or not what it should be.
    """
    work.mkdir(exist_ok=True)
    build("encode-hg19", work / "encode", folder=folder)
    whole, trained_on = make_features(folder, work / "encode")
    whole.write(work / "encode-hg19.h5")
    targets = read_targets(work / "encode" / "targets.tsv.gz")
    add_entry(
        work / "encode-hg19.h5",
        registry,
        NAMES["features"],
        card={
            "description": "Sites of 134 ENCODE TFs (promoter, downstream, potential) and 168 RBPs (RNA), by cell line",
            "predicts": "genes x tracks of hg19; SPI1 and REST are there, HNF4A, PPARG, TP63, TBX21 and RUNX1 are not",
            "licence": "ENCODE, GENCODE and RefSeq: free use, cite",
            "training_data": SITES_MADE_FROM,
        },
        force=True,
    )
    names = [NAMES["features"]]
    twins: list[tuple[Architecture, str]] = [("default", NAMES["model"]), ("paper", f"{NAMES['model']}-paper")]
    for architecture, name in twins:
        names.append(name)
        out = work / name
        if not out.is_dir():
            bundle = train(
                trained_on,
                targets,
                network=network_config(architecture),
                training=TrainingConfig(members=MEMBERS, seed=SEED),
            )
            save_bundle(bundle if architecture == "default" else round_weights(bundle), out)
        summary = None
        if architecture == "default":
            summary = work / SUMMARY
            if not summary.is_file():
                write_summary(summarise(load_bundle(out), trained_on), summary)
        judged = evaluate(load_bundle(out), trained_on, targets)
        metrics: dict[str, Any] = json.loads(to_json(judged.metrics))  # undefined numbers as null
        what = "The published network on the same features" if architecture == "paper" else "The default network"
        beside = "" if summary is None else WITH_SUMMARY
        add_entry(
            out,
            registry,
            name,
            card={
                "description": f"{what}, {MEMBERS} members, seed {SEED}; chr1 held out{beside}",
                "predicts": "log2 fold changes of 37 GTEx tissues against their median, and the median level",
                "licence": "weights: as the package; trained on data under the licences below",
                "training_data": [*SITES_MADE_FROM, TISSUES],
            },
            evaluation=metrics,
            summary=summary,
            force=True,
        )
    name = DE_PRIOR
    names.append(name)
    card_metrics = make_de_prior(
        trained_on,
        obtain(source("de_prior", "crow-2019"), "prior", folder=folder).path,
        work / "encode" / "tissue_expression" / "tpm.tsv.gz",
        work / name,
    )
    add_entry(
        work / name,
        registry,
        name,
        card={
            "description": f"The default network, {MEMBERS} members, seed {SEED}; chr1 held out; for decode deprior",
            "predicts": "how readily a gene responds to anything: logit of its DE prior rank (0 to 1)",
            "licence": "weights: as the package; trained on data under the licences below",
            "training_data": [*SITES_MADE_FROM, DE_PRIOR_RANKS],
            "metrics": card_metrics,
        },
        force=True,
    )
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 2 with a sentence where something fails."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.shipped", description=__doc__)
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="folder with the files of encode-hg19")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made on the way")
    parser.add_argument("--registry", type=Path, default=PACKAGED, help="default: the one of the package")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        names = ship(options.folder, options.work, options.registry)
    except (ValueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    sys.stdout.write(f"{options.registry}: {', '.join(names)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
