"""The back office's own post: what is released goes out, what lies in the inbox comes in, who is silent is reminded.

All of it passes the gate as the office's own account. The bytes travel outside any transaction: that a try begins is
recorded before, and what came of it after.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.attempt import Command
from service.channels import (
    QUIET,
    Arrived,
    CannotDeliver,
    FileDrop,
    MailServer,
    Parcel,
    collect,
    deliver,
    put_away,
    weighed,
)
from service.confirmations import queries
from service.confirmations.deadlines import is_working_day
from service.confirmations.inbound import CollectConfirmation, collect_confirmation
from service.confirmations.lifecycle import TransmissionState
from service.confirmations.model import Transmission
from service.confirmations.sending import (
    FAILURE_CHARACTERS_MAX,
    BeginTransmission,
    CompleteTransmission,
    FailTransmission,
    begin_transmission,
    complete_transmission,
    fail_transmission,
)
from service.confirmations.verifying import (
    ChaseConfirmation,
    DeemConfirmation,
    chase_confirmation,
    deem_confirmation,
)
from service.documents.filing import content_of
from service.documents.kinds import safe_name
from service.documents.model import Document
from service.gate import Done, Gate, UseCase
from service.importing.rows import shown
from service.kernel.background import Background
from service.kernel.errors import Malformed, Refusal, Unprocessable
from service.kernel.turns import turn
from service.parties.model import ConfirmationChannel
from service.people.directory import service_actor

LOGGER = logging.getLogger(__name__)
BERLIN = ZoneInfo("Europe/Berlin")
LOOK_SECONDS: Final = 2.0
REMIND_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 60.0
PAUSE_SECONDS_MAX: Final = 3600.0
AT_ONCE: Final = 200
UNFIT_CHARACTERS_MAX: Final = 160
GOING: Final = (TransmissionState.QUEUED.value, TransmissionState.UNDER_WAY.value)


class Errand(Protocol):
    """Messages of another slice that the same post carries."""

    async def send(self, room: "Mailroom") -> int:
        """Send what is due and tell how much that was."""
        ...

    def collecting(self, sender: str, name: str, content: bytes) -> Sequence[tuple[UseCase, Command]]:
        """Return the acts that take a file of the inbox in, one after the other; none if it is not this slice's."""
        ...


@dataclass(slots=True)
class Mailroom(Background):
    """Sends, collects and reminds; a round does what is due and tells how much that was."""

    called = "the back office's post"

    gate: Gate
    ways: Mapping[str, FileDrop | MailServer]
    inbox: Path | None = None  # a folder below it for each sender
    quiet: timedelta = QUIET
    pause_seconds: float = PAUSE_SECONDS
    errands: tuple[Errand, ...] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    later: dict[str, tuple[int, float]] = field(default_factory=dict)
    """What did not work: how often, and when it is tried again (monotonic seconds)."""

    async def _run(self) -> None:
        reminded = float("-inf")
        while True:
            try:
                async with turn(self.gate.offices[Office.BACK_OFFICE], "post") as ours:
                    if ours:
                        await self.send()
                        await self.collect()
                    if ours and time.monotonic() - reminded > REMIND_SECONDS:
                        await self.remind()
                        reminded = time.monotonic()
            except Exception:
                LOGGER.exception("the back office's post cannot work")
            await asyncio.sleep(LOOK_SECONDS)

    async def round(self) -> int:
        """Do all that is due now."""
        return await self.send() + await self.collect() + await self.remind()

    async def send(self) -> int:
        """Send what was released, oldest first; a message that fails waits for the next round."""
        wanted = select(Transmission).where(Transmission.state.in_(GOING)).order_by(Transmission.id)
        async with self.turn:
            async with AsyncSession(self.gate.offices[Office.BACK_OFFICE]) as session:
                waiting = list(await session.scalars(wanted.limit(AT_ONCE)))
            own = sum([await self.now_or_later(str(one.id), self._send(one)) for one in waiting])
            return own + sum([await errand.send(self) for errand in self.errands])

    async def _send(self, row: Transmission) -> bool:
        begun = await self.do(begin_transmission, BeginTransmission(transmission_id=row.id, version=row.rev))
        if begun is None:
            return False
        version = int(begun.answer["version"])
        async with AsyncSession(self.gate.offices[Office.BACK_OFFICE]) as session:
            document = await session.get_one(Document, row.document_id)
            content = await content_of(session, document)
            channel = await session.get_one(ConfirmationChannel, row.channel_id)
        named = f"{row.purpose.capitalize()} {row.message_key}"
        parcel = Parcel(
            name=row.message_key,
            content=content,
            media_type=document.media_type,
            address=channel.address,
            subject=named,
            text=f"{named}\n",
            made_at=self.gate.clock.now(),
        )
        try:
            proof = await deliver(self.way(channel.medium), parcel)
        except CannotDeliver as failure:
            told = str(failure)[:FAILURE_CHARACTERS_MAX]
            failed = FailTransmission(transmission_id=row.id, version=version, failure=told)
            await self.do(fail_transmission, failed)
            return False
        facts = {name: said for name, said in asdict(proof).items() if isinstance(said, str)}
        sent = CompleteTransmission(
            transmission_id=row.id, version=version, proof=facts, repeated=proof.repeated
        )
        return await self.do(complete_transmission, sent) is not None

    def way(self, medium: str) -> FileDrop | MailServer:
        """Return the way a message takes. Raises CannotDeliver where the bank was told of none."""
        if medium not in self.ways:
            raise CannotDeliver(f"This bank has no way by {medium}.")
        return self.ways[medium]

    async def collect(self) -> int:
        """Take in what lies in the inbox; a file leaves its place only after it was filed."""
        if self.inbox is None or not self.inbox.is_dir():
            return 0
        taken = 0
        for folder in sorted(one for one in self.inbox.iterdir() if one.is_dir() and not one.is_symlink()):
            try:
                for arrived in collect(folder, self.gate.clock.now(), quiet=self.quiet):
                    taken += await self.now_or_later(str(arrived.file), self._collect(folder.name, arrived))
            except OSError as failure:  # what one sender does to a folder stops nobody else's post
                LOGGER.warning(
                    "the inbox of %s cannot be looked at: %s", shown(folder.name), failure.strerror
                )
        return taken

    async def _collect(self, sender: str, arrived: Arrived) -> bool:
        """Crash after the filing and before the move: the same file is found again and filed once."""
        name, unfit = safe_name(arrived.name), "" if arrived.content else arrived.refused or "is empty"
        for act in self.acts_for(sender, name, arrived.content) if arrived.content else ():
            done = await self.tried(*act)
            if isinstance(done, Malformed | Unprocessable):
                unfit = f"cannot be kept as it is: {done}"
                break
            if isinstance(done, Refusal):
                return False
        if unfit:
            weight = await asyncio.to_thread(weighed, arrived)
            refused = f"The file {unfit[:UNFIT_CHARACTERS_MAX]}; {weight}. It lies held."
            note = f"{arrived.name}: not taken in. {refused}\n".encode()
            if await self.do(*confirming(sender, name, note, refused)) is None:
                return False
        try:
            return await asyncio.to_thread(put_away, arrived, "held" if unfit else "done")
        except OSError as failure:
            LOGGER.warning("%s of %s cannot be put away: %s", arrived.name, shown(sender), failure.strerror)
            return False

    def acts_for(self, sender: str, name: str, content: bytes) -> Sequence[tuple[UseCase, Command]]:
        """Return the acts that take a file in: those of an errand, or the one of whatever else comes."""
        asked = (errand.collecting(sender, name, content) for errand in self.errands)
        return next((acts for acts in asked if acts), None) or (confirming(sender, name, content),)

    async def remind(self) -> int:
        """Remind whoever has not answered, and mark as deemed what the agreement takes for answered."""
        async with AsyncSession(self.gate.offices[Office.BACK_OFFICE]) as session:
            today = await queries.business_date(session, self.gate.clock.now().astimezone(BERLIN).date())
            if not is_working_day(today):
                return 0
            silent = await queries.silent(session, today)
        done = 0
        for one in silent:
            row = one.confirmation
            acts: list[tuple[UseCase, Command]] = [
                (chase_confirmation, ChaseConfirmation(confirmation_id=row.id, version=row.rev, step=step))
                for step in one.steps
            ]
            if one.deemed:
                acts = [(deem_confirmation, DeemConfirmation(confirmation_id=row.id, version=row.rev))]
            for case, command in acts:
                done += await self.now_or_later(str(row.id), self._remind(case, command))
        return done

    async def _remind(self, case: UseCase, command: Command) -> bool:
        return await self.do(case, command) is not None

    async def now_or_later(self, what: str, work: Coroutine[None, None, bool]) -> bool:
        """Do it unless it failed a short while ago; what fails waits longer and longer."""
        tries, when = self.later.get(what, (0, 0.0))
        if time.monotonic() < when:
            work.close()
            return False
        try:
            done = await work
        except Exception:
            LOGGER.exception("a fault of one message must not stop the post")
            done = False
        if done:
            self.later.pop(what, None)
            return True
        pause = min(self.pause_seconds * 2 ** min(tries, 16), PAUSE_SECONDS_MAX)
        self.later[what] = tries + 1, time.monotonic() + pause
        return False

    async def do(self, case: UseCase, command: Command) -> Done | None:
        """Do one act as the office's own account; None if it was refused."""
        done = await self.tried(case, command)
        return None if isinstance(done, Refusal) else done

    async def tried(self, case: UseCase, command: Command) -> Done | Refusal:
        """Do one act as the office's own account; a refusal is recorded by the gate and told here."""
        actor = await service_actor(self.gate.offices, Office.BACK_OFFICE)
        try:
            return await self.gate.perform(actor, case, command)
        except Refusal as refusal:
            LOGGER.warning("%s was refused: %s", case.action.value, refusal)
            return refusal


def confirming(sender: str, name: str, content: bytes, refused: str = "") -> tuple[UseCase, Command]:
    """Return the act that takes in what is no errand of another slice, or says why a file was not taken in."""
    encoded = base64.b64encode(content).decode("ascii")
    return collect_confirmation, CollectConfirmation(
        sender=sender, name=name, content=encoded, refused=refused
    )
