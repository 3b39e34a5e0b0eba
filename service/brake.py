"""What waits while the log is silent: acts that cannot be taken back are refused until it is signed and witnessed again.

Entries are committed with their acts, so nothing is lost while the signer or the witnesses cannot be reached. But
nobody outside could prove yet that they were not rewritten; so money, rights and books wait after a while.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.vocabulary import Action
from service.kernel.errors import Refusal

WARNING_SECONDS, CRITICAL_SECONDS = 10.0, 60.0

HIGH_RISK: Final[Mapping[Action, str]] = {
    Action.BUSINESS_DATE_SET: "moves the day that deadlines and bookings are read against",
    Action.GRANT_EXECUTE: "puts a right in force",
    Action.JOURNAL_POST: "writes the books by hand",
    Action.JOURNAL_REVERSE: "takes postings back by hand",
    Action.PASSWORD_RESET: "hands an account over",
    Action.PROPOSAL_APPROVE: "puts a counterparty or a payment route in force",
    Action.REQUEST_APPROVE: "cancels a deal",
    Action.SETTLEMENT_COUNTERSIGN: "lets money go",
    Action.SETTLEMENT_RELEASE: "lets money go",
    Action.SETTLEMENT_RULE_APPROVE: "puts the tables in force that payments are made by",
}
"""Acts by people that wait, and why each is no small thing; what an office does automatically follows from them."""


class LogSilent(Refusal):
    """503. The log cannot be proved to anybody just now; this act waits until it can."""

    status = 503


@dataclass(frozen=True, slots=True)
class Silence:
    """How the log stands: seconds unsigned, seconds without enough witnesses, and whether it contradicts itself."""

    unsigned_seconds: float = 0.0
    unwitnessed_seconds: float = 0.0
    contradiction: str | None = None

    @property
    def status(self) -> str:
        """Return ``ready``, ``late``, ``critical`` or ``stopped``: what readiness and pages show."""
        if self.contradiction is not None:
            return "stopped"
        if self.unsigned_seconds >= CRITICAL_SECONDS:
            return "critical"
        late = self.unsigned_seconds >= WARNING_SECONDS or self.unwitnessed_seconds > 0
        return "late" if late else "ready"

    def sentence(self) -> str:
        """Say what is late."""
        if self.contradiction is not None:
            return self.contradiction
        if self.unsigned_seconds >= WARNING_SECONDS:
            return f"the log has not been signed for {int(self.unsigned_seconds)} seconds"
        return f"too few witnesses have cosigned the log for {int(self.unwitnessed_seconds)} seconds"


@dataclass(frozen=True, slots=True)
class Brake:
    """Holds acts back; ``look`` tells how the log stands now."""

    look: Callable[[], Silence]
    limit_seconds: float

    def __call__(self, action: Action, *, service: bool) -> LogSilent | None:
        """Return why the act must wait, or None."""
        return held(action, self.look(), self.limit_seconds, service=service)


def held(action: Action, silence: Silence, limit_seconds: float, *, service: bool) -> LogSilent | None:
    """Return why an act must wait: any act on a log that contradicts itself, a risky one on a log that is silent."""
    if silence.contradiction is not None:
        return LogSilent(
            "The log contradicts itself; nothing is written. Tell the log's custodians.", rule="log"
        )
    if service or action not in HIGH_RISK:
        return None
    if silence.unsigned_seconds > limit_seconds:
        seconds = int(silence.unsigned_seconds)
        return LogSilent(
            f"The log has not been signed for {seconds} seconds; this act waits until it is.", rule="log"
        )
    if silence.unwitnessed_seconds > limit_seconds:
        seconds = int(silence.unwitnessed_seconds)
        return LogSilent(
            f"Too few witnesses have seen the log for {seconds} seconds; this act waits until they have.",
            rule="log",
        )
    return None
