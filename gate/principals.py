r"""Persons compared: whether two texts of different systems may name one and the same.

CI systems name people by login, git by name and address, directories by `CORP\login`. Whoever takes
two persons for one asks for another approval; whoever takes one for two lets somebody approve their
own change. So everything here leans to "the same". Letters that merely look alike (Latin and
Cyrillic a) are not told: who may be called what is the business of the system that names them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_AROUND: Final = re.compile(r'[<>()"]')
"""What stands between a name and an address: `Wei Li <wei@example.com>`, `wei@example.com (Wei Li)`."""
_BEFORE_A_LOGIN: Final = re.compile(r"[:/\\]")
"""`mailto:wei`, `CORP\\wei`, `forge.example/wei`: the last part is a name of its own."""
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by category, and nothing to see."""


class _Called(NamedTuple):
    bare: frozenset[str]
    """Names and logins that stand without an address."""
    logins: frozenset[str]
    """What stands before the @ of an address."""
    addresses: frozenset[str]


def is_named(text: str) -> bool:
    """Whether `text` names anybody: a letter or a digit that can be seen."""
    return any(_called(text))


def may_be_same(a: str, b: str) -> bool:
    """Whether `a` and `b` may be one person; true where either names nobody.

    Equal are: any spelling of a name (case, width, accents, white space, punctuation, invisible
    characters, order of its words), a login and an address that begins with it, an address and the
    same with a `+tag`. Two addresses of different hosts are two persons, unless their names agree.
    """
    one, other = _called(a), _called(b)
    if not any(one) or not any(other):
        return True
    return not (
        one.bare.isdisjoint(other.bare | other.logins)
        and one.logins.isdisjoint(other.bare)
        and one.addresses.isdisjoint(other.addresses)
    )


@lru_cache(maxsize=4_096)
def _called(text: str) -> _Called:
    """Every name that `text` holds, in letters and digits alone; all empty where it names nobody."""
    bare, logins, addresses = set[str](), set[str](), set[str]()
    visible = _visible(text)
    # Without white space too: a blank within a login must not make another person of it.
    for part in (*_AROUND.split(visible), *_AROUND.split("".join(visible.split()))):
        words = part.split()
        for word in words:
            local, at, host = word.rpartition("@")
            if not at or not _letters(local):
                continue
            local = _BEFORE_A_LOGIN.split(local)[-1]
            # Before the + stands the mailbox; behind it, with some forges, the login.
            mailboxes = {_letters(one) for one in (local, *local.split("+"))} - {""}
            logins |= mailboxes
            addresses |= {f"{mailbox}@{_letters(host)}" for mailbox in mailboxes}
        named = [word for word in words if not _letters(word.rpartition("@")[0])]
        bare |= {_letters("".join(named)), "".join(sorted(map(_letters, named)))}
        if len(named) == 1:
            bare.add(_letters(_BEFORE_A_LOGIN.split(named[0])[-1]))
    return _Called(frozenset(bare - {""}), frozenset(logins), frozenset(addresses))


def _visible(text: str) -> str:
    """`text` in one width and case, without accents and what cannot be seen; white space stays."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(
        c for c in plain if c.isspace() or (unicodedata.category(c)[0] not in "CM" and c not in _FILLERS)
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
