"""Refusals: what the service will not do, as facts a user can act on."""

import re
from typing import ClassVar


class Refusal(Exception):
    """An expected no. Its class name is the machine-readable code, its text the sentence for people.

    ``rule`` names the control that bites (``D-01``), ``field`` the input that is wrong; both may be absent.
    """

    status: ClassVar[int] = 409
    rule: str | None = None
    field: str | None = None
    decision: str | None = None

    def __init__(self, sentence: str, *, rule: str | None = None, field: str | None = None) -> None:
        super().__init__(sentence)
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


class NotPermitted(Refusal):
    """403. None of the caller's roles has this right; the absent policy row is the denial."""

    status = 403


class KeptApart(Refusal):
    """403. The same natural person already acted on the other side (apart.csv)."""

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


class StalePolicy(Refusal):
    """503. This process knows another policy version than the bank's; it writes nothing until restarted."""

    status = 503


class Unprocessable(Refusal):
    """422. Well-formed, but a business rule forbids it."""

    status = 422
