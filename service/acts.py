"""Many acts in one request: each decided, recorded and answered on its own, by the same gate."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import BodyKwarg

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, checked_key
from service.gate import USE_CASES, Done, Gate, Request
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, Refusal
from service.kernel.problems import problem

ACTS_MAX = 128
FACE_ONLY = frozenset(
    {Action.EVIDENCE_EXPORT, Action.SESSION_OPEN, Action.PASSWORD_CHANGE, Action.PASSWORD_RESET}
)
"""Acts whose answer or command holds a secret, or what only their face can know: no batch does them."""


class NoSuchAct(Malformed):
    """400. There is no act of this name here."""


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of an act and its command."""

    action: str
    command: dict[str, Any]


async def perform_each(gate: Gate, actor: Actor, acts: list[Act], key: str) -> list[Done | Refusal]:
    """Do the acts in order, neighbours of the same kind in one transaction; one outcome each."""
    outcomes: list[Done | Refusal] = []
    at = 0
    while at < len(acts):
        end = at + 1
        while end < len(acts) and acts[end].action == acts[at].action:
            end += 1
        try:
            case = use_case_named(acts[at].action)
            requests = [
                Request(actor, decoded(case.command, act.command), f"{key}:{number}")
                for number, act in enumerate(acts[at:end], at)
            ]
            outcomes += await gate.perform_many(case, requests)
        except Malformed as malformed:
            await gate.refuse(actor, Action.POWER_READ, malformed)
            outcomes += [malformed] * (end - at)
        at = end
    return outcomes


def use_case_named(name: str) -> Any:
    """Return the use case of an act. Raises NoSuchAct."""
    if name not in {action.value for action in USE_CASES} or Action(name) in FACE_ONLY:
        raise NoSuchAct(f"There is no act {name!r} here.", field="action")
    return USE_CASES[Action(name)]


def decoded(command: type[Any], fields: dict[str, Any]) -> Any:
    """Return the command, decoded as strictly as a body of its own. Raises Malformed naming the field."""
    try:
        return msgspec.convert(fields, command)
    except msgspec.ValidationError as failure:
        raise Malformed(str(failure), field="command") from failure


class ActsApi(Controller):
    """Acts by the handful."""

    path = "/api/acts"
    tags = ("acts",)

    @post(guards=[Allows(Action.POWER_READ)], status_code=200)
    async def perform(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: Annotated[
            list[Act],
            BodyKwarg(media_type=RequestEncodingType.JSON, min_items=1, max_items=ACTS_MAX),
        ],
    ) -> list[dict[str, Any]]:
        """Return one outcome per act, in order: its status with the answer, or with the problem."""
        outcomes = await perform_each(gate, actor, data, checked_key(key))
        return [as_item(outcome) for outcome in outcomes]


def as_item(outcome: Done | Refusal) -> dict[str, Any]:
    """Return an outcome as one item of a list."""
    if isinstance(outcome, Refusal):
        return {"status": outcome.status, "problem": problem(outcome)}
    return {"status": outcome.status, "answer": outcome.answer}


ROUTES = [ActsApi]
