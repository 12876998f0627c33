"""TensorFlow starts without a word, and only when it is needed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)


def test_import_of_the_package_loads_no_tensorflow():
    assert run("import decode, sys; decode.read_de_table; print('tensorflow' in sys.modules)").stdout == "False\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load_bundle", "tune"])
def test_tensorflow_is_silent_from_the_api(name):
    found = run(f"import decode, sys; decode.{name}; print('tensorflow' in sys.modules)")
    assert found.stdout == "True\n"
    assert found.stderr == ""
