"""Regulators as genes: own expression, gene lists, gene sets."""
