"""Requests that wait at this moment are committed together: one transaction, one outcome each, no delay for it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import TimeoutError as NoneFree

RequestT = TypeVar("RequestT")
OutcomeT = TypeVar("OutcomeT")
NO_ANSWER: Final = (TimeoutError, NoneFree)


class Together(Generic[RequestT, OutcomeT]):
    """One writer for one kind of act. A lone request goes straight through; those that come meanwhile go next.

    ``mark`` names what may stand only once in a set, such as a caller's key: its repetition waits for the next
    set and then finds the answer of the first.
    """

    def __init__(
        self,
        run: Callable[[Sequence[RequestT]], Awaitable[Sequence[OutcomeT]]],
        mark: Callable[[RequestT], Hashable | None],
        most: int,
    ) -> None:
        self._run = run
        self._mark = mark
        self._most = most
        self._waiting: list[tuple[RequestT, asyncio.Future[OutcomeT]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def join(self, request: RequestT) -> OutcomeT:
        """Return the outcome of the request. A client that goes away leaves its request in its set."""
        answered: asyncio.Future[OutcomeT] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answered))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="commits together")
        return await answered

    async def _write(self) -> None:
        while taken := self._take():
            try:
                outcomes = await self._run([request for request, _ in taken])
            except Exception as failure:  # noqa: BLE001 - handed to those who wait for it
                await self._one_by_one(taken, failure)
                continue
            for (_, answered), outcome in zip(taken, outcomes, strict=True):
                if not answered.done():
                    answered.set_result(outcome)

    def _take(self) -> list[tuple[RequestT, asyncio.Future[OutcomeT]]]:
        taken: list[tuple[RequestT, asyncio.Future[OutcomeT]]] = []
        later: list[tuple[RequestT, asyncio.Future[OutcomeT]]] = []
        marks: set[Hashable] = set()
        for one in self._waiting:
            mark = self._mark(one[0])
            if len(taken) < self._most and (mark is None or mark not in marks):
                marks.add(mark)
                taken.append(one)
            else:
                later.append(one)
        self._waiting = later
        return taken

    async def _one_by_one(
        self, taken: Sequence[tuple[RequestT, asyncio.Future[OutcomeT]]], failure: Exception
    ) -> None:
        """Each of a set that failed as a whole goes alone, so that only the culprit fails.

        Where nothing answers, all have waited long enough: the others fail with the first.
        """
        for request, answered in taken:
            outcome: OutcomeT | Exception = failure
            if len(taken) > 1 and not isinstance(failure, NO_ANSWER):
                try:
                    (outcome,) = await self._run([request])
                except NO_ANSWER as none:
                    outcome = failure = none
                except Exception as own:  # noqa: BLE001 - handed to the one who waits for it
                    outcome = own
            if answered.done():
                continue
            if isinstance(outcome, Exception):
                answered.set_exception(outcome)
            else:
                answered.set_result(outcome)
