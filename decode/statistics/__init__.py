"""Statistics that several rooms use: metrics, significance, shrinkage, multiple testing, strata, enrichment."""
