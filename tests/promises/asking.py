"""The numbers of the promises, the checkers that were written for them, and asking all of them."""

import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.promises.finished import SENTENCES_MAX, Finished

Checker = Callable[[Finished], Awaitable[list[str]]]
CHECKERS: dict[int, Checker] = {}


@dataclass(frozen=True)
class Broken:
    """A promise that a bank did not keep, by its number, and how that shows."""

    number: int
    checker: str
    sentence: str

    def __str__(self) -> str:
        return f"promise {self.number} ({self.checker}): {self.sentence}"


def checks(number: int) -> Callable[[Checker], Checker]:
    """Register the checker of a promise."""

    def register(checker: Checker) -> Checker:
        assert number not in CHECKERS, f"promise {number} has two checkers"
        assert inspect.iscoroutinefunction(checker)
        CHECKERS[number] = checker
        return checker

    return register


async def broken(bank: Finished) -> list[Broken]:
    """Hold a finished bank against every promise; none broken is an empty list."""
    began = time.monotonic()
    await bank.read()
    bank.seconds["reading"] = time.monotonic() - began
    found: list[Broken] = []
    for number, checker in sorted(CHECKERS.items()):
        began = time.monotonic()
        sentences = await checker(bank)
        bank.seconds[f"{number} {checker.__name__}"] = time.monotonic() - began
        found += [Broken(number, checker.__name__, one) for one in sentences[:SENTENCES_MAX]]
    return found
