"""The acts by which legs are netted: one joins, and each follows its net to the end; whoever holds one breaks the net.

Where an agreement that legal cleared says so and master data set it in force; the same counterparty, currency, day
and payment route.
"""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, Desk, locked
from service.control.holding import hold_trade, must_be_verified
from service.gate import use_case
from service.kernel.errors import NotFound, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.parties.model import Agreement
from service.settlement.legs import Held, after, counterparty_of, held_apart
from service.settlement.lifecycle import NetState, SettlementState
from service.settlement.model import Net, Settlement
from service.settlement.nets import LEGS_MAX, legs_of, must_be_free
from service.settlement.outcomes import NARRATIVE, completed, failed, returned
from service.settlement.queries import net_view, view
from service.settlement_rules.book import RuleBook
from service.settlement_rules.queries import rule_book
from service.work.worker import Handlers


class NoNettingAgreed(Refusal):
    """409. Payments with the counterparty are netted only under an agreement that legal cleared and by a line in force."""

    rule = "TRD-17"


class CannotNet(Unprocessable):
    """422. Legs of one net have one counterparty, currency, day and route, and nobody has signed any of them yet."""


class NetLeg(Command, frozen=True, kw_only=True):
    """Net a prepared leg with others: in a new net, or in one that waits."""

    settlement_id: UUID
    version: int
    net_id: UUID | None = None


class FollowNet(Command, frozen=True, kw_only=True):
    """Bring a leg to where its net is."""

    settlement_id: UUID


@use_case(Action.SETTLEMENT_NET)
async def net_leg(attempt: Attempt, command: NetLeg) -> Changed:
    """Join a leg to a net; the sum is the net's, and the database holds it against its legs."""
    found = await held_apart(attempt, command.settlement_id, command.version)
    leg = found.leg
    must_be_verified(found.control, leg.version)
    after(attempt, leg)
    await must_be_free(attempt, leg)
    if leg.instruction_id is None or leg.paid:
        raise CannotNet(
            "What goes a way of its own, or was paid in part, is paid alone.", field="settlement_id"
        )
    counterparty = await counterparty_of(attempt.session, leg)
    agreement = await agreement_to_net(attempt.session, found.book, leg, counterparty, attempt.desk)
    if agreement is None:
        raise NoNettingAgreed(
            "Netting takes a master agreement that legal cleared and a line of the settlement tables in force."
        )
    attempt.note(agreement=agreement)
    if command.net_id is None:
        net = attempt.add(
            Net(
                id=uuid7(),
                counterparty_id=counterparty,
                currency=leg.currency,
                pay_on=leg.pay_on,
                instruction_id=leg.instruction_id,
                amount=leg.amount,
                legs=1,
                state=NetState.COMPOSED.value,
                composed_by=attempt.actor.account,
            )
        )
    else:
        net = await joined(attempt, command.net_id, leg)
    attempt.change(leg, net_id=net.id)
    await attempt.session.flush()
    return Changed(view(leg) | {"net": net_view(net)}, 200)


async def joined(attempt: Attempt, net_id: UUID, leg: Settlement) -> Net:
    """Return the net, locked, with the leg's amount in its sum. Raises NotFound, CannotNet."""
    net = await locked(attempt, Net, net_id)
    same = (net.currency, net.pay_on, net.instruction_id) == (leg.currency, leg.pay_on, leg.instruction_id)
    if net.state != NetState.COMPOSED or not same:
        raise CannotNet(
            "A net that waits takes legs of its own currency, day and payment route.", field="net_id"
        )
    if net.legs >= LEGS_MAX:
        raise CannotNet(f"A net has at most {LEGS_MAX} legs.", field="net_id")
    if any(one.state != SettlementState.PREPARED for one in await legs_of(attempt, net)):
        raise CannotNet(
            "A leg of this net is signed already; its sum does not change any more.", field="net_id"
        )
    return attempt.change(net, amount=net.amount + leg.amount, legs=net.legs + 1)


async def agreement_to_net(
    session: AsyncSession, book: RuleBook, leg: Settlement, counterparty: UUID, desk: Desk
) -> UUID | None:
    """Return the master agreement that legal cleared for the day, if a line in force says that it is netted by."""
    if not book.nets(counterparty, desk.business_date):
        return None
    day = leg.pay_on
    cleared = select(Agreement.id).where(
        Agreement.counterparty_id == counterparty,
        Agreement.form == "master_agreement",
        Agreement.state == "cleared",
        Agreement.valid_from <= day,
        or_(Agreement.valid_to.is_(None), Agreement.valid_to >= day),
    )
    found: UUID | None = await session.scalar(cleared.limit(1))
    return found


@use_case(Action.SETTLEMENT_FOLLOW)
async def follow_net(attempt: Attempt, command: FollowNet) -> Changed:
    """Settle the leg of a net that settled, or have it paid anew where the net failed or came back."""
    trade_id = await attempt.session.scalar(
        select(Settlement.trade_id).where(Settlement.id == command.settlement_id)
    )
    if trade_id is None:
        raise NotFound("settlement")
    attempt.concerns(trade_id)
    control = await hold_trade(attempt, trade_id)
    found = Held(
        control, await locked(attempt, Settlement, command.settlement_id), await rule_book(attempt.session)
    )
    leg = found.leg
    attempt.close_item(Item.FOLLOW, leg.id)
    net = None if leg.net_id is None else await locked(attempt, Net, leg.net_id)
    going = leg.state == SettlementState.NETTED
    if net is not None and going and net.state == NetState.SETTLED:
        return await completed(attempt, found, Action.SETTLEMENT_COMPLETE)
    if net is not None and going and net.state == NetState.FAILED:
        code = net.failure_code or NARRATIVE
        return await failed(attempt, found, code, net.reason or "", Action.SETTLEMENT_FAIL)
    if (
        net is not None
        and net.state == NetState.RETURNED
        and leg.state
        in (
            SettlementState.NETTED,
            SettlementState.SETTLED,
        )
    ):
        code = net.failure_code or NARRATIVE
        return await returned(attempt, found, code, net.reason or "", Action.SETTLEMENT_RETURN)
    return Changed(view(leg))


AUTOMATIC: Handlers = {
    Item.FOLLOW: lambda item: (follow_net, FollowNet(settlement_id=item.subject_id)),
}
"""How the back office's own account does what waits for it here."""
