"""Signing in and out over JSON."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from policies.vocabulary import READS, Action
from service.faces import Allows, answer
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.identifiers import uuid7
from service.people.signing_in import sign_in
from service.people.use_cases import ChangePassword, CloseSession, change_password, close_session


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account's name and its password."""

    account: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password to use from now on."""

    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class SessionApi(Controller):
    """One's own session."""

    path = "/api/sessions"
    tags = ("sessions",)

    @post(opt={"public": True})
    async def open(self, gate: NamedDependency[Gate], data: JSONBody[Credentials]) -> Response[Any]:
        """Sign in; the answer holds the bearer token."""
        return answer(await sign_in(gate, data.account, data.password, origin="api"))

    @put("/current/password", guards=[Allows(Action.PASSWORD_CHANGE)], status_code=204)
    async def password(
        self, gate: NamedDependency[Gate], actor: NamedDependency[Actor], data: JSONBody[NewPassword]
    ) -> Response[None]:
        """Choose a new password; every session of the account ends."""
        return answer(await gate.perform(actor, change_password, ChangePassword(password=data.password)))

    @delete("/current", guards=[Allows(Action.SESSION_CLOSE)], status_code=204)
    async def close(self, gate: NamedDependency[Gate], actor: NamedDependency[Actor]) -> Response[None]:
        """Sign out."""
        return answer(await gate.perform(actor, close_session, CloseSession(), key=str(uuid7())))


class PowerApi(Controller):
    """What the caller may do."""

    path = "/api/powers"
    tags = ("sessions",)

    @get(guards=[Allows(Action.POWER_READ)])
    async def powers(self, gate: NamedDependency[Gate], actor: NamedDependency[Actor]) -> dict[str, Any]:
        """Return the caller's acts and reads under the policy in force."""
        powers = gate.policy.powers(actor.roles)
        return {
            "account": actor.name,
            "person": str(actor.person),
            "office": actor.office.value,
            "roles": sorted(actor.roles),
            "acts": sorted(action.value for action in powers - READS),
            "reads": sorted(action.value for action in powers & READS),
            "policy": gate.policy.version,
        }


ROUTES = [SessionApi, PowerApi]
