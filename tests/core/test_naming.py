from __future__ import annotations

from decode.core.naming import LONGEST_STEM, file_name, file_names


def test_file_name_is_safe():
    assert file_name("a/b c.d-\u00e9") == "a_b_c.d-_"


def test_no_two_names_are_the_same():
    texts = ["a b", "a_b", "A b", "a_b_2", "\u03b1", "\u03b2", "", "x" * 300, "x" * 301]
    names = file_names(texts, taken=["_"])
    assert len({name.lower() for name in names} | {"_"}) == len(texts) + 1
    assert names[:4] == ["a_b", "a_b_2", "A_b_3", "a_b_2_2"]
    assert max(map(len, names)) == LONGEST_STEM + 2
    assert file_names(["liver", "lung"]) == ["liver", "lung"]
