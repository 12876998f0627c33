"""Genome builds, gene annotations and binding sites."""

from decode.genome.assembly import Assembly, get_assembly

__all__ = ["Assembly", "get_assembly"]
