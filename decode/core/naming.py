"""Names of files from names of genes, tasks and contrasts, which may hold anything."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_STEM = 100  # letters of a file name, before what is added to it


def file_name(text: str) -> str:
    """The text with everything but letters, digits, dots and hyphens turned into underscores.

    Examples
    --------
    >>> file_name("Brain - Cortex (BA9)")
    'Brain_-_Cortex__BA9_'
    """
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in ".-") else "_" for letter in text)


def file_names(texts: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """A `file_name` for each of several texts, none the same as another, whatever a file system makes of capitals.

    Parameters
    ----------
    texts : iterable of str
    taken : iterable of str, optional
        Names that are in use already.

    Returns
    -------
    list of str
        Of at most 100 letters, and a number where they would be the same.

    Examples
    --------
    >>> file_names(["old vs. young", "old_vs. young", "OLD vs. young"])
    ['old_vs._young', 'old_vs._young_2', 'OLD_vs._young_3']
    """
    found: list[str] = []
    used = {name.lower() for name in taken}
    for text in texts:
        plain = file_name(text)[:LONGEST_STEM] or "_"
        name, number = plain, 1
        while name.lower() in used:
            number += 1
            name = f"{plain}_{number}"
        used.add(name.lower())
        found.append(name)
    return found
