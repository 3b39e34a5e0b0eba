"""Which acts on a leg its page offers: none that is refused whoever asks, and what is awaited with why not yet.

By the same rules as the acts themselves go by; between the page and the act things may change, and the act decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Desk
from service.kernel.errors import Refusal
from service.page_frame import Button, Page
from service.settlement.legs import counterparty_of, is_late
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Net, Payment, Settlement
from service.settlement.nets import is_open, must_be_let_go, must_not_be_let_go
from service.settlement.netting import agreement_to_net
from service.settlement.outcomes import must_be_due
from service.settlement.paying import must_be_here, must_lie_still, must_not_wait
from service.settlement.queries import last_payment
from service.settlement.use_cases import select_route
from service.settlement_rules.book import BERLIN, RuleBook
from service.settlement_rules.queries import rule_book


class Offered(NamedTuple):
    """The acts on a leg that can be done as it stands, and those that are awaited, each with why not yet."""

    acts: list[Action]
    not_yet: list[Button]


@dataclass(frozen=True, slots=True)
class Standing:
    """A leg with its net, its last message and desk time: what its acts depend on."""

    leg: Settlement
    net: Net | None
    payment: Payment | None
    book: RuleBook
    desk: Desk


async def offered(page: Page, reads: AsyncSession, leg: Settlement, possible: Iterable[Action]) -> Offered:
    """Return which of the acts that the state of a leg allows its reader can do, and which of them not yet."""
    found = Offered([], [])
    given = [act for act in possible if page.may(act)]
    if not given:
        return found
    standing = await standing_of(page, reads, leg)
    for act in given:
        if not await is_of_use(reads, standing, act):
            continue
        try:
            must_be_open(standing, act)
        except Refusal as refusal:
            found.not_yet.append(Button(act, str(refusal)))
        else:
            found.acts.append(act)
    return found


async def standing_of(page: Page, reads: AsyncSession, leg: Settlement) -> Standing:
    """Return a leg with what its acts depend on."""
    now = page.gate.clock.now().astimezone(BERLIN)
    return Standing(
        leg,
        None if leg.net_id is None else await reads.get_one(Net, leg.net_id),
        await last_payment(reads, leg),
        await rule_book(reads),
        Desk(page.business_date or now.date(), page.desk_clock or now.time()),
    )


async def is_of_use(reads: AsyncSession, standing: Standing, act: Action) -> bool:
    """Tell whether an act that is asked for in certain cases alone is asked for here."""
    leg, book, desk = standing.leg, standing.book, standing.desk
    match act:
        case Action.SETTLEMENT_PREPARE:
            return await is_to_prepare(reads, leg, standing.net)
        case Action.SETTLEMENT_POSTPONE:
            return is_late(leg, book, desk)
        case Action.SETTLEMENT_NET:
            if leg.net_id is not None or leg.instruction_id is None or leg.paid:
                return False
            counterparty = await counterparty_of(reads, leg)
            return await agreement_to_net(reads, book, leg, counterparty, desk) is not None
        case _:
            return True


async def is_to_prepare(reads: AsyncSession, leg: Settlement, net: Net | None) -> bool:
    """Tell whether a leg is to be prepared: not in a net that stands, and not again on the route in force."""
    if is_open(net):
        return False
    if leg.state not in (SettlementState.PREPARED, SettlementState.SIGNED) or net is not None:
        return True
    chosen = (await select_route(reads, leg)).chosen
    return chosen is not None and chosen.instruction != leg.instruction_id


def must_be_open(standing: Standing, act: Action) -> None:
    """Raise what an act is refused with as long as its day, its message or its net stand as they do."""
    leg, net, payment = standing.leg, standing.net, standing.payment
    match act:
        case Action.SETTLEMENT_COMPLETE | Action.SETTLEMENT_PART:
            must_be_due(leg, standing.desk)
            must_not_wait(payment)
            must_be_let_go(net)
        case Action.SETTLEMENT_FAIL | Action.SETTLEMENT_RETURN:
            must_lie_still(payment)
            must_be_let_go(net)
        case Action.SETTLEMENT_HOLD:
            must_not_be_let_go(net)
            must_be_here(payment)
            must_lie_still(payment)
