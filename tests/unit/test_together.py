"""Requests that wait together are run together, and nobody pays for a neighbour."""

import asyncio
from collections.abc import Sequence

import pytest

from service.together import Together


class Runner:
    """Runs sets of words; remembers which; a word with a ``!`` breaks its set."""

    def __init__(self) -> None:
        self.sets: list[list[str]] = []

    async def run(self, words: Sequence[str]) -> Sequence[str]:
        self.sets.append(list(words))
        await asyncio.sleep(0)
        if any("!" in word for word in words):
            raise RuntimeError(",".join(words))
        return [word.upper() for word in words]


async def outcomes(runner: Runner, words: Sequence[str], most: int = 128) -> list[str | BaseException]:
    together = Together[str, str](runner.run, lambda word: word.partition("#")[2] or None, most)
    return await asyncio.gather(*(together.join(word) for word in words), return_exceptions=True)


async def test_a_lone_request_goes_straight_through() -> None:
    runner = Runner()

    assert await outcomes(runner, ["one"]) == ["ONE"]
    assert runner.sets == [["one"]]


async def test_what_waits_is_one_set_and_each_gets_its_own_outcome() -> None:
    runner = Runner()
    words = [f"word {n}" for n in range(10)]

    assert await outcomes(runner, words) == [word.upper() for word in words]
    assert runner.sets == [words]


async def test_a_set_has_a_limit() -> None:
    runner = Runner()

    await outcomes(runner, [f"{n}" for n in range(10)], most=4)

    assert [len(one) for one in runner.sets] == [4, 4, 2]


async def test_the_same_key_stands_only_once_in_a_set() -> None:
    runner = Runner()

    assert await outcomes(runner, ["a#1", "b#1", "c#2"]) == ["A#1", "B#1", "C#2"]
    assert runner.sets == [["a#1", "c#2"], ["b#1"]]


async def test_only_the_culprit_of_a_broken_set_fails() -> None:
    runner = Runner()

    first, broken, last = await outcomes(runner, ["a", "b!", "c"])

    assert (first, last) == ("A", "C")
    assert isinstance(broken, RuntimeError)
    assert runner.sets == [["a", "b!", "c"], ["a"], ["b!"], ["c"]]


async def test_a_client_that_goes_away_spoils_nothing() -> None:
    runner = Runner()
    together = Together[str, str](runner.run, lambda _: None, 128)
    gone, stays = asyncio.create_task(together.join("gone")), asyncio.create_task(together.join("stays"))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == "STAYS"
    with pytest.raises(asyncio.CancelledError):
        await gone
