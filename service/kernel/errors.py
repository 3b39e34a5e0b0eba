"""Refusals: what the service will not do, as facts a user can act on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar
from uuid import UUID

from service.kernel.actor import Away
from service.kernel.items import Item


@dataclass(frozen=True, slots=True)
class Report:
    """Whom a refusal is reported to: the work item opened with its entry, about an object that exists.

    ``reason`` is what they are told; by default the refusal's code.
    """

    item: Item
    subject_kind: str
    subject_id: UUID
    reason: str | None = None


class Refusal(Exception):
    """An expected no. Its class name is the machine-readable code, its text the sentence for people.

    ``rule`` names the control that bites (``D-01``), ``field`` the input that is wrong, ``report`` who is told,
    ``facts`` what its entry keeps beside the code; all may be absent.
    """

    status: ClassVar[int] = 409
    rule: str | None = None
    field: str | None = None
    report: tuple[Report, ...] = ()
    facts: Mapping[str, str] = MappingProxyType({})
    decision: str | None = None

    def __init__(
        self,
        sentence: str,
        *,
        rule: str | None = None,
        field: str | None = None,
        report: tuple[Report, ...] = (),
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.report = report
        if facts is not None:
            self.facts = facts
        if rule is not None:
            self.rule = rule
        if field is not None:
            self.field = field

    @property
    def code(self) -> str:
        """The class name in snake case: stable, part of the interface."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class Malformed(Refusal):
    """400. The request's shape is wrong; nothing was looked up."""

    status = 400


class NotSignedIn(Refusal):
    """401. No session, or one that has ended."""

    status = 401

    def __init__(self, sentence: str = "Sign in: this session is missing, expired or ended.") -> None:
        super().__init__(sentence)


class Misdirected(Refusal):
    """421. The session belongs to an office that another process serves; ``office`` names it."""

    status = 421

    def __init__(self, office: str) -> None:
        super().__init__(f"This process does not serve the office {office}; another one does.")
        self.office = office


class OfficeSilent(Refusal):
    """503. The process of this office does not answer; the others do."""

    status = 503

    def __init__(self, office: str) -> None:
        super().__init__(
            f"The office {office} does not answer just now. Ask again later, under the same Idempotency-Key."
        )


class NotPermitted(Refusal):
    """403. None of the caller's roles has this right; the absent policy row is the denial."""

    status = 403


class OnLeave(Refusal):
    """403. A block of absence keeps this person out, on every account; risk control and compliance are told (TRD-19)."""

    status = 403
    rule = "TRD-19"

    def __init__(self, away: Away | None) -> None:
        told = () if away is None or away.told else (Item.ABSENCE_BREACH, Item.ABSENCE_BREACH_RISK)
        until = "" if away is None else f" until {away.until}"
        super().__init__(
            f"You are on leave{until}; your substitute acts under an id of their own.",
            report=tuple(
                Report(item, "absence", away.absence, "on_leave") for item in told if away is not None
            ),
        )


class SecondDevice(Refusal):
    """409. This identity is in use on another device: it is one person's, at one place at a time (A-10)."""

    rule = "A-10"

    def __init__(self, account: UUID, *, told: bool) -> None:
        super().__init__(
            "You are signed in on another device. Sign out there first, or have your password reset.",
            report=() if told else (Report(Item.SECOND_DEVICE, "account", account, "second_device"),),
        )


class KeptApart(Refusal):
    """403. The same natural person already acted on the other side (apart.csv)."""

    status = 403


class NotIndependent(Refusal):
    """403. The act takes somebody who stands further from trading (independence.csv)."""

    status = 403


class AppliedThere(Refusal):
    """403. The acting person has a pending application to the desk that the object belongs to (A-17)."""

    status = 403


class CoolingOff(Refusal):
    """403. The object belongs to a unit that the acting person left too short a time ago (cooling_off.csv)."""

    status = 403


class NotFound(Refusal):
    """404. It does not exist, or the caller may not know that it does."""

    status = 404

    def __init__(self, what: str = "object") -> None:
        super().__init__(f"There is no such {what}, or it is not yours to see.")


class StaleVersion(Refusal):
    """409. Somebody changed the object after the caller looked at it."""


class IllegalTransition(Refusal):
    """409. The object's state does not allow this act."""


class KeyReused(Refusal):
    """409. The idempotency key was used before with another body."""


class AlreadyExists(Refusal):
    """409. Another object holds this unique name or number."""


class RowLags(Refusal):
    """409. The row is not what the log says of it since a recovery; people put it right before anybody acts on it."""


class InOtherHands(Refusal):
    """409. Somebody else has taken this work, or it is with another office."""


class StalePolicy(Refusal):
    """503. This process knows another policy version than the bank's; it writes nothing until restarted."""

    status = 503


class DatabaseSilent(Refusal):
    """503. The database was lost on the way; an act on that way is in doubt until it is asked for again."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The database did not answer. What you sent may be done or not: send it again; it is done only once."
        )


class WrongClock(Refusal):
    """503. The clock here does not fit the entries in the log; nothing is written, not even that this was refused."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The clock of this bank jumped; nothing is written until it is right again.", rule="log"
        )


class Unprocessable(Refusal):
    """422. Well-formed, but a business rule forbids it."""

    status = 422
