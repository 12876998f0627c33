"""DeepLIFT Rescale in closed form, all tasks at once."""
