"""Questions asked at once are answered in their order, and no more are taken than there is room for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from gate.turns import answered


def test_answers_come_in_the_order_of_the_questions_whoever_is_ready_first() -> None:
    last_is_done = threading.Event()

    def first() -> int:
        assert last_is_done.wait(10)
        return 0

    def last() -> int:
        last_is_done.set()
        return 2

    assert [0, 1, 2] == list(answered([first, lambda: 1, last], at_once=3, ahead=3))


def test_no_question_is_taken_before_there_is_room_for_its_answer() -> None:
    taken: list[int] = []

    def questions() -> Iterator[Callable[[], int]]:
        for number in range(10):
            taken.append(number)
            yield partial(int, number)

    answers = answered(questions(), at_once=2, ahead=3)

    assert 0 == next(answers)
    assert [0, 1, 2, 3] == taken
    assert list(range(1, 10)) == list(answers)


def test_the_first_failure_is_raised_after_what_came_before_it() -> None:
    heard: list[int] = []

    def fails() -> int:
        raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        heard.extend(answered([lambda: 0, fails, lambda: 2], at_once=3, ahead=3))

    assert [0] == heard


def test_nothing_asked_is_nothing_answered() -> None:
    assert [] == list(answered([], at_once=2, ahead=2))
