"""Fitting networks: data and scales, members, ensembles, losses, checkpoints."""
