"""Which automatic act finishes which work item, gathered from the slices, and the workers that do them."""

import asyncio
import time
from dataclasses import asdict

from policies.vocabulary import Office
from service.bookkeeping.use_cases import AUTOMATIC as BOOKKEEPING
from service.channels import FileDrop, MailServer
from service.compliance.use_cases import AUTOMATIC as COMPLIANCE
from service.confirmations.mailroom import Mailroom
from service.confirmations.use_cases import AUTOMATIC as CONFIRMATIONS
from service.kernel.items import ROUTES, Item
from service.part import House
from service.people.directory import service_actor
from service.settlement.netting import AUTOMATIC as NETTING
from service.settlement.outgoing import PaymentWay
from service.settlement.statuses import AUTOMATIC as STATUSES
from service.settlement.use_cases import AUTOMATIC as SETTLEMENT
from service.trades.use_cases import AUTOMATIC as TRADES
from service.transfers.use_cases import AUTOMATIC as TRANSFERS
from service.work.worker import Handlers, Worker

DRAIN_SECONDS_MAX = 60
PAUSE_SECONDS = 0.1

HANDLERS: Handlers = {
    **TRADES,
    **CONFIRMATIONS,
    **SETTLEMENT,
    **STATUSES,
    **NETTING,
    **BOOKKEEPING,
    **TRANSFERS,
    **COMPLIANCE,
}

BY_POST = {Item.SEND_PAYMENT, Item.TRANSMIT}
"""Automatic, but not by a worker: the back office's post brings bytes outside, between two acts."""

assert set(HANDLERS) | BY_POST == {item for item, route in ROUTES.items() if route.automatic}, (
    "an automatic item has no handler"
)


class StuckWork(RuntimeError):
    """Automatic work is refused again and again."""


class Workers:
    """One worker for each office that has automatic work and whose login this process holds."""

    def __init__(self, bank: House) -> None:
        offices = {ROUTES[item].office for item in HANDLERS}
        self.post = post_of(bank) if Office.BACK_OFFICE in bank.offices else None
        self.each = [
            Worker(bank.gate, office, HANDLERS, service_actor)
            for office in sorted(offices)
            if office in bank.offices
        ]

    def start(self) -> None:
        """Begin all of them, and the back office's post."""
        if self.post is not None:
            self.post.start()
        for worker in self.each:
            worker.start()

    async def stop(self) -> None:
        """End all of them."""
        if self.post is not None:
            await self.post.stop()
        for worker in self.each:
            await worker.stop()

    async def drain(self) -> None:
        """Do what waits, over all offices, until nothing is left. Raises StuckWork if something never gets done."""
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while sum([await worker.drain() for worker in self.each]) or await self._sent() or self.troubles():
            if time.monotonic() > deadline:
                raise StuckWork(f"Automatic work does not get done: {', '.join(self.troubles())}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _sent(self) -> int:
        return 0 if self.post is None else await self.post.send()

    def troubles(self) -> list[str]:
        """Return why items wait that were tried already."""
        return [trouble.code for worker in self.each for trouble in worker.troubles.values()]


def post_of(bank: House) -> Mailroom:
    """Return the back office's post with the ways to the outside that the settings name."""
    settings = bank.settings
    ways: dict[str, FileDrop | MailServer] = {"file": FileDrop(settings.outbox_directory)}
    if settings.mail is not None:
        ways["mail"] = MailServer(**asdict(settings.mail))
    payments = PaymentWay(FileDrop(settings.payment_directory), settings.schema_directory)
    return Mailroom(bank.gate, ways, settings.inbox_directory, errands=(payments,))
