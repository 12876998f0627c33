"""Toy genome, binding sites and expression with planted regulators, written as the real files a user would bring."""

from decode.synthetic.toy import ToyData, check_toy_options, make_toy_data, toy_sources

__all__ = ["ToyData", "check_toy_options", "make_toy_data", "toy_sources"]
