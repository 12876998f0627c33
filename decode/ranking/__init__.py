"""Ranked regulators and what says whether their scores mean anything: nulls and decoys."""
