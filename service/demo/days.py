"""The demo bank's days, from the first morning to the day on which the last payment is due."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, time
from functools import partial

from service.demo import controls, netting, offices, paying, post
from service.demo.hands import Hands, each
from service.demo.market import Market
from service.demo.master_data import OWN_BANK, enter_master_data
from service.demo.offices import Entered, payment_day
from service.demo.plan import DEALING_CLOCK, LATE_CLOCK, Deal, Plan, Story, internal_pair
from service.market.importing import fixings_of

CLOSER, RISK = "closer", "risk-controller"
MORNING_CLOCK = time(9, 5)


@dataclass(slots=True)
class House:
    """The bank while it is played: who acts, what is planned, what was entered so far.

    ``quiet`` returns when the offices' own accounts have nothing left to do.
    """

    hands: Hands
    market: Market
    plan: Plan
    quiet: Callable[[], Awaitable[None]]
    folders: post.Folders
    entered: dict[str, Entered] = field(default_factory=dict)
    twins: dict[str, Entered] = field(default_factory=dict)
    desk_version: int = 1

    def of(self, deal: Deal) -> Entered:
        """Return what was entered of a deal."""
        return self.entered[deal.key]


Interlude = Callable[[House], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Interludes:
    """What is tried in between: things nobody may do, each at the moment when it would do most harm."""

    captured: Interlude
    verified: Interlude
    released: Interlude
    evening: Interlude  # of the last trading day
    away: Interlude  # on the working day after it
    last: Interlude


async def play(house: House, interludes: Interludes) -> None:
    """Play everything. Safe to repeat from the beginning after any interruption."""
    await enter_master_data(house.hands)
    trading = {day: number for number, day in enumerate(house.plan.trading_days)}
    last = house.plan.trading_days[-1] if trading else None
    after = next((day for day in working_days(house.plan) if last is not None and day > last), None)
    for day in working_days(house.plan):
        await set_desk(house, day, MORNING_CLOCK)
        if day in house.market.rates:
            await import_fixings(house, day)
            await controls.fix_money_market(house.hands, day)
        await complete_what_is_due(house, day)
        if day in trading:
            await set_desk(house, day, DEALING_CLOCK)
            first = trading[day] == 0
            await deal_and_settle(
                house, house.plan.of_day(trading[day], late=False), interludes if first else None
            )
            await set_desk(house, day, LATE_CLOCK)
            await deal_and_settle(house, house.plan.of_day(trading[day], late=True), None)
            if day == last:
                await show_controls(house)
                await interludes.evening(house)
        if day == after:
            await interludes.away(house)
    await house.quiet()
    if house.plan.deals:
        await interludes.last(house)


def working_days(plan: Plan) -> list[date]:
    """Return the business dates of the bank, in order: days of trading and days of payment."""
    return sorted({*plan.trading_days, *(payment_day(value_date) for value_date in plan.value_dates)})


async def set_desk(house: House, day: date, clock: time) -> None:
    """Move the bank's business date and the clock of its desks."""
    body = {
        "business_date": day.isoformat(),
        "desk_clock": f"{clock:%H:%M}",
        "version": house.desk_version,
    }
    moved = await house.hands.act(CLOSER, "/api/business-date", body, f"desk-{day}-{clock:%H%M}")
    house.desk_version = moved["version"]


async def import_fixings(house: House, day: date) -> None:
    """Bring in the day's reference rates from the central bank's own file."""
    fixings = fixings_of(house.market.archive, day)
    body = {
        "day": day.isoformat(),
        "source": fixings.source,
        "source_sha256": fixings.source_sha256,
        "rates": dict(fixings.rates),
    }
    await house.hands.act(RISK, "/api/fixings", body, f"fixings-{day}")


async def deal_and_settle(house: House, deals: list[Deal], interludes: Interludes | None) -> None:
    """Take deals from capture to the release of their payments, one office after the other."""
    hands = house.hands

    async def capture(deal: Deal) -> None:
        house.entered[deal.key] = await offices.capture(hands, deal)
        if deal.story is Story.DUPLICATE:
            house.twins[deal.key] = await offices.capture(hands, deal, twin=True)

    async def check(deal: Deal) -> None:
        await controls.before_verification(hands, house.of(deal))
        await offices.check(hands, house.of(deal))
        if deal.story is Story.DUPLICATE:
            await offices.sort_out_twin(hands, house.twins[deal.key])

    async def confirm(deal: Deal) -> None:
        if deal.story in post.BY_MESSAGE:
            await post.confirm(hands, house.folders, house.of(deal))
        else:
            await offices.confirm(hands, house.of(deal))

    await each(deals, capture)
    if interludes is not None:
        await interludes.captured(house)
    await each(deals, check)
    await each(deals, lambda deal: offices.find_confirmation(hands, house.of(deal)))
    await each(deals, lambda deal: controls.amend(hands, house.of(deal)))
    if interludes is not None:
        await interludes.verified(house)
    await each(deals, confirm)
    await each(deals, lambda deal: offices.settle(hands, house.of(deal)))
    if interludes is not None:
        await interludes.released(house)


async def show_controls(house: House) -> None:
    """Show what no single deal shows: a limit that was passed, cash that was moved, an internal deal."""
    await post.look_into_alerts(house.hands)
    deal = house.plan.one(Story.AMENDED)
    await controls.pass_a_limit(house.hands, deal.counterparty, deal.terms)
    await controls.move_cash(house.hands, house.of(house.plan.one(Story.FORWARD)))
    both = await netting.pay_together(house.hands, netting.pair(deal))
    legs = await controls.deal_inside(house.hands, *internal_pair(OWN_BANK.lei, deal))
    house.entered |= {entered.key: entered for entered in (*both, *legs)}
    for step in (controls.before_verification, offices.check, offices.find_confirmation, offices.confirm):
        await each(legs, partial(step, house.hands))
    await each(legs, partial(offices.settle, house.hands))


async def complete_what_is_due(house: House, day: date) -> None:
    """Attest every payment whose day has come, or have our bank say what became of it."""

    async def complete(entered: Entered) -> None:
        if entered.deal.story is Story.BANKED:
            await paying.complete(house.hands, house.folders, entered, day)
        elif entered.deal.story is Story.NETTED:
            await netting.complete(house.hands, house.folders, entered, day)
        else:
            await offices.complete(house.hands, entered, day)

    await each([entered for entered in house.entered.values() if not entered.cancelled], complete)
