"""Models and feature sets by name: what there is, where it lies, and fetching it once."""
