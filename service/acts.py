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
    {
        Action.EVIDENCE_EXPORT,
        Action.LOG_BACKUP,
        Action.LOG_CHECK,
        Action.LOG_RECOVER,
        Action.RECOVERY_COMPLETE,
        Action.RECOVERY_REQUEST,
        Action.SESSION_OPEN,
        Action.PASSWORD_CHANGE,
        Action.PASSWORD_RESET,
    }
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
        outcomes += await perform_alike(
            gate, actor, [(act, f"{key}:{number}") for number, act in enumerate(acts[at:end], at)]
        )
        at = end
    return outcomes


async def perform_alike(gate: Gate, actor: Actor, acts: list[tuple[Act, str]]) -> list[Done | Refusal]:
    """Do acts of one name under their keys; one that cannot be read is refused alone."""
    read = [request_for(actor, act, key) for act, key in acts]
    requests = [one for one in read if isinstance(one, Request)]
    for one in read:
        if isinstance(one, Malformed):
            await gate.refuse(actor, Action.POWER_READ, one)
    done: list[Done | Refusal] = []
    if requests:
        done = await gate.perform_many(USE_CASES[Action(acts[0][0].action)], requests)
    outcomes = iter(done)
    return [one if isinstance(one, Malformed) else next(outcomes) for one in read]


def request_for(actor: Actor, act: Act, key: str) -> Request | Malformed:
    """Return the request that an act amounts to, or why it is none."""
    try:
        return Request(actor, decoded(use_case_named(act.action).command, act.command), key)
    except Malformed as malformed:
        return malformed


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
