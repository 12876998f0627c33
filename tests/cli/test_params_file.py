"""Options of a command from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import call
from test_options import commands

from decode.cli.params import fit_params, read_params
from decode.core.files import read_json_object, sha256_of


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str) -> Path:
        path = tmp_path / "params.yaml"
        path.write_text(text)
        return path

    return to_file


@pytest.fixture
def expression(tmp_path: Path) -> Path:
    genes = [f"ENSG{number:011d}\t{number}\t{number + 3}\t{2 * number}" for number in range(1, 40)]
    path = tmp_path / "tpm.tsv"
    path.write_text("\n".join(["gene_id\tliver\tbrain\tskin", *genes]) + "\n")
    return path


def test_values_are_text_as_written(write):
    text = "--rate: 1e-3\nmax_epochs: 020\ncontrasts: [MARCH1, no]\nsites: {TF: 2020-01-01}\nout: ''\n"
    found = read_params(write(text))
    assert found == {
        "rate": "1e-3", "max-epochs": "020", "contrasts": ["MARCH1", "no"], "sites": {"TF": "2020-01-01"}, "out": "",
    }  # fmt: skip


def test_paths_of_the_user(write, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    found = read_params(write("out: ~/a\nsites: {TF: ~/b}\ndesign: ~ age + sex\nname: a~/b\n"))
    assert found == {"out": "/home/me/a", "sites": {"TF": "/home/me/b"}, "design": "~ age + sex", "name": "a~/b"}


@pytest.mark.parametrize(
    ("value", "is_given"), [("yes", True), ("On", True), ("true", True), ("off", False), ("no", False)]
)
def test_switches_of_a_file(write, expression, tmp_path, value, is_given):
    out = tmp_path / "out.tsv.gz"
    out.write_text("mine")
    params = write(f"tpm: {expression}\nout: {out}\nforce: {value}\n")
    result = call("expression", "tissue", "--params", params)
    assert result.status == (0 if is_given else 2)
    assert (out.read_bytes() == b"mine") is not is_given


def test_empty_and_null_are_not_given(write):
    assert read_params(write("a:\nb: null\nc: ~\nd: 'null'\n")) == {"d": "null"}
    assert read_params(write("# nothing\n")) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("members: 1\nmembers: 2\n", "names members twice"),
        ("max-epochs: 1\nmax_epochs: 2\n", "names max-epochs twice"),
        ("members: [1\n", "no YAML file"),
        ("- members\n", "no mapping"),
        ("base: &base {a: 1}\n<<: *base\n", "merge key <<"),
        ("a: 1\n---\nb: 2\n", "no YAML file"),
        ("a:\n\tb\n", "no YAML file"),
        ("a: *unknown\n", "no YAML file"),
        ("[a]: b\n", "a name of an option is nested"),
        ("a: [[1], 2]\n", "nested"),
        ("a: {b: {c: 1}}\n", "nested"),
        ("a: !!python/object/apply:os.system [id]\n", None),
    ],
)
def test_what_is_no_such_file(write, text, why):
    if why is None:
        assert read_params(write(text)) == {"a": ["id"]}  # a tag is never followed
        return
    with pytest.raises(ValueError, match=why):
        read_params(write(text))


def test_bombs_of_aliases_are_nested_lists(write):
    names = zip("abcdefgh", "bcdefghi", strict=True)
    rows = ["a: &a [x, x]"] + [f"{new}: &{new} [*{old}, *{old}]" for old, new in names]
    with pytest.raises(ValueError, match="nested"):
        read_params(write("\n".join(rows)))


def test_a_list_for_one_value_is_comma_separated(write):
    assert fit_params(write(""), {"pair": ["SPI1", "GATA1"]}, {"pair": ("pair", False)}) == {"pair": "SPI1,GATA1"}
    with pytest.raises(ValueError, match="commas in 'a,b'"):
        fit_params(write(""), {"pair": ["a,b", "c"]}, {"pair": ("pair", False)})


def test_the_same_run_as_on_the_command_line(write, expression, tmp_path):
    said, of_file = tmp_path / "said.tsv.gz", tmp_path / "of_file.tsv.gz"
    assert call("expression", "tissue", expression, "--out", said, "--min-tpm", "20").status == 0
    params = write(f"tpm: {expression}\nout: {of_file}\nmin-tpm: 20\n")
    result = call("expression", "tissue", "--params", params)
    assert result.status == 0, result.err
    assert of_file.read_bytes() == said.read_bytes()
    record, plain = (read_json_object(f"{path}.run.json") for path in (of_file, said))
    assert record["params"] == {"path": str(params), "sha256": sha256_of(params)}
    assert "params" not in plain
    assert record["options"] == plain["options"]
    assert call("expression", "tissue", expression, "--out", of_file, "--min-tpm", "20").status == 0  # identical


def test_the_command_line_goes_first(write, expression, tmp_path):
    params = write(f"out: {tmp_path / 'unused.tsv.gz'}\nmin-tpm: not a number\n")
    out = tmp_path / "out.tsv.gz"
    result = call("expression", "tissue", expression, "--params", params, "--out", out, "--min-tpm", "2")
    assert result.status == 0, result.err
    assert out.exists()
    assert not (tmp_path / "unused.tsv.gz").exists()


def test_a_wrong_value_is_refused_as_on_the_command_line(write, expression, tmp_path):
    params = write(f"out: {tmp_path / 'out.tsv.gz'}\nmin-tpm: much\n")
    result = call("expression", "tissue", expression, "--params", params)
    assert result.status == 2
    assert "--min-tpm" in result.err
    assert not (tmp_path / "out.tsv.gz").exists()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_takes_it(write, name):
    result = call(*name.split(), "--params", write("debgu: true\n"))
    assert result.status == 2
    assert "names debgu, which is no option of this command (did you mean debug?)" in result.err


def test_no_file(tmp_path):
    result = call("train", "--params", tmp_path / "absent.yaml")
    assert result.status == 2
    assert "absent.yaml" in result.err


def test_arguments_by_name_beside_the_command_line(write, tmp_path):
    params = write(f"features: {tmp_path / 'f.h5'}\nout: {tmp_path / 'model'}\n")
    result = call("train", tmp_path / "t.tsv", "--params", params)
    assert result.status == 2
    assert "f.h5" in result.err  # features of the file, the table of the command line is the targets
    (tmp_path / "t.tsv").write_text("gene_id\tliver\nA\t1\n")
    named_first = call("train", "--features", tmp_path / "g.h5", tmp_path / "t.tsv", "--params", params)
    assert "g.h5" in named_first.err
