"""Networks: configuration, builders, and the bundle that stores trained members."""
