"""Acts counted as they go through the gate: by outcome, by refusal, by how long they take and how many go together."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar

from policies.vocabulary import Action
from service.kernel.errors import Refusal
from service.kernel.problems import Replayed
from service.measures import MEASURES

GateT = TypeVar("GateT")
RequestT = TypeVar("RequestT")
OutcomeT = TypeVar("OutcomeT")


class Case(Protocol):
    """What is told of an act's use case."""

    @property
    def action(self) -> Action:
        """The act."""

    @property
    def many(self) -> bool:
        """Whether it takes requests together."""


CaseT = TypeVar("CaseT", bound=Case)
Perform = Callable[[GateT, CaseT, Sequence[RequestT]], Awaitable[list[OutcomeT]]]


def counted(perform: Perform[GateT, CaseT, RequestT, OutcomeT]) -> Perform[GateT, CaseT, RequestT, OutcomeT]:
    """Count what becomes of the acts that are performed; what raises has failed, every one of them."""

    @wraps(perform)
    async def counting(gate: GateT, case: CaseT, requests: Sequence[RequestT]) -> list[OutcomeT]:
        work, began = MEASURES.works[case.action.value], time.perf_counter()
        try:
            outcomes = await perform(gate, case, requests)
        except Exception:
            work.outcomes["failed"] += len(requests)
            raise
        work.seconds.add(time.perf_counter() - began)
        if case.many:
            work.sizes.add(len(requests))
        for outcome in outcomes:
            work.outcomes[outcome_of(outcome)] += 1
            if isinstance(outcome, Refusal):
                work.refusals[outcome.code] += 1
        return outcomes

    return counting


def count_refusal(action: Action, refusal: Refusal) -> None:
    """Count a refusal that came before the gate."""
    work = MEASURES.works[action.value]
    work.outcomes["refused"] += 1
    work.refusals[refusal.code] += 1


def outcome_of(outcome: Any) -> str:
    """Return how an act ended."""
    if isinstance(outcome, Refusal):
        return "repeated" if isinstance(outcome, Replayed) else "refused"
    return "repeated" if outcome.replay else "done"
