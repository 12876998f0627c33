"""Landmark genes: few genes that carry most of the transcriptome, found by an autoencoder."""
