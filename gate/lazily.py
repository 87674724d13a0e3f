"""Sequences whose members are made when they are asked for: of thousands only a few are there at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

From = TypeVar("From")
Into = TypeVar("Into")


class Made(Sequence[Into], Generic[From, Into]):
    """What `make` makes of each of `given`, anew each time it is asked for."""

    __slots__ = ("_given", "_make")

    def __init__(self, given: Sequence[From], make: Callable[[From], Into]) -> None:
        self._given = given
        self._make = make

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, index: int) -> Into: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Into]: ...

    def __getitem__(self, index: int | slice) -> Into | Sequence[Into]:
        if isinstance(index, slice):
            return [self._make(one) for one in self._given[index]]
        return self._make(self._given[index])
