"""Globs over `/`-separated names: paths, `Kind/namespace/name`, image repositories.

Written here because the standard library's let `*` cross a slash and read brackets as classes. No
regular expression is made from a glob, so none can be slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


def fits(glob: str, text: str) -> bool:
    """Whether the whole of `text` fits, case and all: `*` and `?` stay between slashes, `**` does not.

    Brackets are letters like any other: `pages/[id].tsx` means that file.
    """
    return _aligned(glob.split("/"), text.split("/"), "**", lambda g, t: _aligned(g, t, "*", _is_letter))


def _is_letter(glob: str, letter: str) -> bool:
    return glob in ("?", letter)


def _aligned(glob: Sequence[str], text: Sequence[str], many: str, same: Callable[[str, str], bool]) -> bool:
    """Whether `glob` can be laid over `text`, `many` standing for any number of its items.

    Going back to the last `many` alone suffices, so the time is the product of the lengths at most.
    """
    g = t = 0
    star, resume = -1, 0
    while t < len(text):
        if g < len(glob) and glob[g] == many:
            star, resume, g = g, t, g + 1
        elif g < len(glob) and same(glob[g], text[t]):
            g, t = g + 1, t + 1
        elif star >= 0:
            resume += 1
            g, t = star + 1, resume
        else:
            return False
    return all(item == many for item in glob[g:])
