from __future__ import annotations

import gzip
import json

import pytest

# chr1:0-1000 moves by 500; chr2:0-1000 turns round; chr3 is not in the chain.
CHAIN = (
    "chain 1000 chr1 2000 + 0 1000 chr1 3000 + 500 1500 1\n1000\n\n"
    "chain 1000 chr2 2000 + 0 1000 chr2 2000 - 0 1000 2\n1000\n\n"
)
BED = "chr1\t100\t150\tCTCF\t7\t+\tK562\nchr2\t100\t120\tSP1\t0\t+\tHepG2\nchr3\t5\t9\tMYC\t0\t.\t.\n"


@pytest.fixture
def chain(tmp_path):
    path = tmp_path / "a.over.chain.gz"
    path.write_bytes(gzip.compress(CHAIN.encode()))
    return path


def test_liftover(run, chain, tmp_path):
    (tmp_path / "sites.bed").write_text(BED)
    result = run("sites", "liftover", tmp_path / "sites.bed", "--chain", chain, "--out", tmp_path / "lifted.bed.gz")
    assert result.status == 0, result.err
    assert gzip.decompress((tmp_path / "lifted.bed.gz").read_bytes()).decode().splitlines() == [
        "chr1\t600\t650\tCTCF\t7\t+\tK562",
        "chr2\t1880\t1900\tSP1\t0\t-\tHepG2",
    ]
    assert "2 of 3 sites lifted, 1 lost" in result.out
    assert "chromosome_not_in_chain: 1" in result.out


def test_a_run_killed_before_its_record_is_taken_up(run, chain, tmp_path, monkeypatch):
    (tmp_path / "sites.bed").write_text(BED)
    out = tmp_path / "lifted.bed"
    command = ("sites", "liftover", tmp_path / "sites.bed", "--chain", chain, "--out", out)

    def die(*_arguments, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("decode.report.files.write_record", die)
        assert run(*command).status == 130
    record = json.loads((tmp_path / "lifted.bed.run.json").read_text())
    assert record["unfinished"]  # in place together with the output, and says that the counts are missing
    assert list(record["files"]) == [out.name]
    other = ("sites", "liftover", out, *command[3:5], "--out", out.with_name("b.bed"))
    assert run(*other).status == 0
    assert run(*command).status == 0
    record = json.loads((tmp_path / "lifted.bed.run.json").read_text())
    assert ("unfinished" in record, record["counts"]["lifted"]) == (False, 2)
    assert "already holds" in run(*command).out
