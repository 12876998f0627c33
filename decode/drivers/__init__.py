"""Which regulators drive a differential expression table."""
