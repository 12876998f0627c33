"""Toy genome, binding sites and expression with planted regulators, written as the real files a user would bring."""

from decode.synthetic.cells import ToyCells, make_toy_cells
from decode.synthetic.contrast import ToyContrast, judge_drivers, make_toy_contrast
from decode.synthetic.persons import ToyPersons, make_toy_persons
from decode.synthetic.profiles import ToyProfiles, make_toy_profiles
from decode.synthetic.toy import ToyData, check_toy_options, make_toy_data, toy_sources
from decode.synthetic.transcripts import ToyTranscripts, make_toy_transcripts

__all__ = [
    "ToyCells",
    "ToyContrast",
    "ToyData",
    "ToyPersons",
    "ToyProfiles",
    "ToyTranscripts",
    "check_toy_options",
    "judge_drivers",
    "make_toy_cells",
    "make_toy_contrast",
    "make_toy_data",
    "make_toy_persons",
    "make_toy_profiles",
    "make_toy_transcripts",
    "toy_sources",
]
