"""Persons: what a model says of single samples, what differs between them with a phenotype, and which regulators do."""
