"""Payments that are netted: which net a leg is in, the net let go once every leg of it was, broken, and its end.

A leg joins its net by an act of its own deal and is released by one, so that the history of every deal counts for
every signature. Only when the last of them is released the one message over the sum is written.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select

from service.attempt import Attempt, locked
from service.kernel.errors import Refusal
from service.kernel.items import Item
from service.settlement.lifecycle import NetState, SettlementState
from service.settlement.model import Net, Payment, Settlement
from service.settlement.paying import ask_to_send, new_payment
from service.settlement_rules.book import RuleBook, due_at
from service.work.queries import waits

LEGS_MIN: Final = 2
LEGS_MAX: Final = 50
OPEN_NETS: Final = (NetState.COMPOSED, NetState.RELEASED)


class PartOfNet(Refusal):
    """409. The leg is netted with others; what is asked for would leave the others without it."""


class NetBroken(Refusal):
    """409. The net was broken after the leg was prepared for it; the leg is prepared anew."""


class NotANet(Refusal):
    """409. A net has at least two legs; the other one is still to join."""


async def net_of(attempt: Attempt, leg: Settlement) -> Net | None:
    """Return the net a leg is in, locked; None if it is in none. The leg is locked before."""
    return None if leg.net_id is None else await locked(attempt, Net, leg.net_id)


async def must_be_free(attempt: Attempt, leg: Settlement) -> None:
    """Raise PartOfNet while the leg is in a net that stands."""
    if is_open(await net_of(attempt, leg)):
        raise PartOfNet("The leg is netted with others; whoever holds it takes it out of its net.")


def is_open(net: Net | None) -> bool:
    """Tell whether there is a net and it stands."""
    return net is not None and net.state in OPEN_NETS


async def leave_net(attempt: Attempt, leg: Settlement, reason: str) -> None:
    """Break the net that the leg leaves, and give the others back to work. Raises PartOfNet once it was let go."""
    net = await net_of(attempt, leg)
    must_not_be_let_go(net)
    if net is None or not is_open(net):
        return
    attempt.change(net, state=NetState.BROKEN.value, reason=reason)
    for other in await legs_of(attempt, net):
        if other.id != leg.id and not await waits(attempt.session, Item.PREPARE, other.id):
            attempt.open_item(
                Item.PREPARE, other, trade_id=other.trade_id, version=other.version, reason="net_broken"
            )


def must_not_be_let_go(net: Net | None) -> None:
    """Raise PartOfNet once the net was let go."""
    if net is not None and net.state == NetState.RELEASED:
        raise PartOfNet("The net of this leg was let go as a whole; it settles or fails as a whole.")


def must_be_let_go(net: Net | None) -> None:
    """Raise PartOfNet before the whole net was let go."""
    if net is not None and net.state in (NetState.COMPOSED, NetState.BROKEN):
        raise PartOfNet("The net of this leg is not let go yet; nothing of it settles or fails.")


async def legs_of(attempt: Attempt, net: Net) -> Sequence[Settlement]:
    """Return the legs of a net as they stand now."""
    wanted = select(Settlement).where(Settlement.net_id == net.id).order_by(Settlement.id)
    return (await attempt.session.scalars(wanted)).all()


def must_be_composed(net: Net) -> None:
    """Raise NetBroken or NotANet unless the net waits for the releases of its legs, two of them at least."""
    if net.state == NetState.BROKEN:
        raise NetBroken("The net was broken; prepare the leg anew, alone or for another net.")
    if net.state != NetState.COMPOSED:
        raise PartOfNet(f"The net is {net.state}; nothing of it is released any more.")
    if net.legs < LEGS_MIN:
        raise NotANet("The net has one leg only; another one joins it first, or this one leaves it.")


async def let_net_go(attempt: Attempt, net: Net, leg: Settlement, book: RuleBook) -> Payment | None:
    """Let the net go if this was the last of its legs: one message over the sum; who receives sends none."""
    await attempt.session.flush()
    ready = select(func.count()).where(
        Settlement.net_id == net.id, Settlement.state == SettlementState.NETTED
    )
    if await attempt.session.scalar(ready) != net.legs:
        return None
    attempt.change(net, state=NetState.RELEASED.value)
    due = due_at(book.cut_off(net.currency, net.pay_on), net.pay_on, attempt.desk.business_date, attempt.now)
    for one in await legs_of(attempt, net):
        attempt.open_item(
            Item.COMPLETE, one, trade_id=one.trade_id, version=one.version, due=max(due, attempt.now)
        )
    if net.amount >= 0:
        return None
    payment = await new_payment(attempt, leg, net)
    attempt.add(payment)
    ask_to_send(attempt, payment, leg)
    return payment


async def end_net(
    attempt: Attempt, leg: Settlement, state: NetState, code: str | None = None, reason: str | None = None
) -> None:
    """Have the other legs follow one that failed or came back, or note that the last one settled.

    Raises PartOfNet before the whole net was let go.
    """
    net = await net_of(attempt, leg)
    if net is None or net.state in (NetState.SETTLED, NetState.FAILED, NetState.RETURNED):
        return
    must_be_let_go(net)
    if state is NetState.SETTLED:
        await attempt.session.flush()
        settled = select(func.count()).where(
            Settlement.net_id == net.id, Settlement.state == SettlementState.SETTLED
        )
        if await attempt.session.scalar(settled) == net.legs:
            attempt.change(net, state=state.value)
        return
    attempt.change(net, state=state.value, failure_code=code, reason=reason)
    await have_followed(attempt, net, besides=leg)


async def have_followed(attempt: Attempt, net: Net, besides: Settlement | None = None) -> None:
    """Have the office's own account bring each leg to where its net is, each by an act of its own deal."""
    for one in await legs_of(attempt, net):
        if besides is None or one.id != besides.id:
            attempt.open_item(Item.FOLLOW, one, trade_id=one.trade_id, version=one.version, reason=net.state)


def pays(net: Net | None) -> bool:
    """Tell whether we pay the sum of a net."""
    return net is not None and net.amount < 0
