from __future__ import annotations

import gzip

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
