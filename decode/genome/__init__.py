"""Genome builds, gene annotations and binding sites."""

from decode.genome.annotation import Annotation, read_annotation
from decode.genome.assembly import Assembly, get_assembly
from decode.genome.gene_coordinates import genome_to_rna, promoter_windows, rna_to_genome
from decode.genome.gene_models import GeneModels, gene_models
from decode.genome.lift_files import lift_file
from decode.genome.liftover import LiftResult, lift_sites
from decode.genome.links import Links, read_links
from decode.genome.signals import SignalSource
from decode.genome.site_ranges import from_pyranges, to_pyranges
from decode.genome.site_table import SiteTable
from decode.genome.sites import SiteSource, read_sites, sites_from_frame
from decode.genome.structure import GeneStructure, gene_structure, with_structure

__all__ = [
    "Annotation",
    "Assembly",
    "GeneModels",
    "GeneStructure",
    "LiftResult",
    "Links",
    "SignalSource",
    "SiteSource",
    "SiteTable",
    "from_pyranges",
    "gene_models",
    "gene_structure",
    "genome_to_rna",
    "get_assembly",
    "lift_file",
    "lift_sites",
    "promoter_windows",
    "read_annotation",
    "read_links",
    "read_sites",
    "rna_to_genome",
    "sites_from_frame",
    "to_pyranges",
    "with_structure",
]
