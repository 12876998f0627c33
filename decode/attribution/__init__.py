"""Attributions: how much of a prediction each regulator's binding sites account for (DeepLIFT Rescale)."""
