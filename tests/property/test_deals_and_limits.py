"""Whatever happens to deals, in whatever order: position, limits and books hold what the versions in force imply."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.bookkeeping.posting import Line, settlement_journals, trade_date_journal
from service.market.ecb import to_eur
from service.trades.deals.deal import Terms, cash_flows, exposure, nominal
from service.trades.entering import checked_terms
from service.trades.tickets import CaptureTrade
from tests.bank import World
from tests.conformity import agreed, justified
from tests.deals import rows
from tests.keeping import findings
from tests.limits import a_limit, a_market_limit, got
from tests.parties import LEI, OTHER_LEI, a_counterparty, an_instruction
from tests.settling import RATES, TERMS, Deal, done, drain, post, set_up

TODAY = TERMS["trade_date"]
FIXED = {currency: Decimal(rate) for currency, rate in RATES.items()}
COMMON = {
    name: TERMS[name]
    for name in ("trade_date", "counterparty", "portfolio", "executed_at", "side_agreements")
}
EXCHANGE = {"base": "EUR", "quote": "USD"}
LENT = {
    "currency": "USD",
    "rate_percent": "3.5",
    "day_count": "ACT/360",
    "start_date": TODAY,
    "end_date": "2027-01-27",
}
AHEAD = {"rate": "1.1700", "spot_rate": "1.1650", "forward_points": "0.0050", "value_date": "2027-01-29"}
WITHIN = {"spot": {"rate": "1.1650", "value_date": TODAY}, "forward": AHEAD}

HANDS = (("preparation", "settler"), ("release", "releaser"), ("completion", "other-settler"))

sizes = st.integers(min_value=1, max_value=99_999_999).map(lambda cents: str(Decimal(cents) / 100))
parties = st.sampled_from([LEI, OTHER_LEI])
exchanges = st.builds(
    lambda kind, side, size, party: (
        COMMON
        | EXCHANGE
        | WITHIN[kind]
        | {"type": f"fx_{kind}", "side": side, "base_amount": size, "counterparty": party}
    ),
    st.sampled_from(["spot", "spot", "forward"]),
    st.sampled_from(["buy", "sell"]),
    sizes,
    parties,
)
placements = st.builds(
    lambda kind, size, party: COMMON | LENT | {"type": kind, "principal": size, "counterparty": party},
    st.sampled_from(["mm_deposit", "mm_loan"]),
    sizes,
    parties,
)
tickets = st.one_of(exchanges, exchanges, placements)
first_deals = st.lists(tickets, min_size=2, max_size=3)
changes = st.tuples(
    st.sampled_from(["correct", "amend", "cancel", "verify", "settle"]), st.integers(0, 9), sizes
)
later = st.lists(changes, min_size=6, max_size=6)


@dataclass
class Known:
    """What should be true of one deal, by what was done to it."""

    deal: Deal
    ticket: dict[str, str]
    terms: Terms
    version: int = 1
    unjustified: bool = False
    state: str = "captured"
    settled: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether it holds nothing of any limit any more."""
        return self.state == "cancelled" or len(self.settled) == len(cash_flows(self.terms))


@dataclass
class Bank:
    """A bank and what should be true of its deals."""

    world: World
    parties: Mapping[str, UUID]
    book: UUID
    limits: list[dict[str, Any]]
    deals: list[Known] = field(default_factory=list)

    def terms(self, ticket: dict[str, str]) -> Terms:
        """Return the terms that a ticket states."""
        read = msgspec.convert(ticket, CaptureTrade)
        return checked_terms(read, self.parties[ticket["counterparty"]], self.book)

    async def step(self, what: str, which: int, told: Any) -> None:
        """Do what is possible with the deal now; anything else is left alone."""
        if what == "capture":
            await self.capture(told)
            return
        open_deals = [one for one in self.deals if one.state in ("captured", "verified")]
        if what == "settle":
            open_deals = [one for one in open_deals if one.ticket["type"] != "fx_forward"]
        if not open_deals:
            return
        one = open_deals[which % len(open_deals)]
        if what == "correct" and one.state == "captured":
            done(
                await post(
                    self.world,
                    "verifier",
                    f"{self.at(one)}/return",
                    {"version": one.version, "reason": "odd"},
                )
            )
            await self.replaced(one, "resubmission", told)
        elif what == "amend":
            request = await self.replaced(one, "amendments", told)
            await self.approved(request)
            one.state = "captured"
        elif what == "cancel":
            body = {"version": one.version, "reason": "dealt twice"}
            await self.approved(done(await post(self.world, "trader", f"{self.at(one)}/cancellations", body)))
            one.state = "cancelled"
        elif what == "verify" and one.state == "captured":
            await self.verify(one)
        elif what == "settle":
            await self.settle(one)

    @staticmethod
    def at(one: Known) -> str:
        return f"/api/trades/{one.deal.id}"

    async def capture(self, ticket: dict[str, str]) -> None:
        answer = done(await post(self.world, "trader", "/api/trades", ticket))
        alert = answer["checks"]["market"]["result"] != "ok"
        deal = Deal(self.world, answer["id"])
        self.deals.append(Known(deal, ticket, self.terms(ticket), unjustified=alert))

    async def replaced(self, one: Known, how: str, size: str) -> dict[str, Any]:
        """Ask for another size of the deal, or put it in."""
        name = "principal" if "principal" in one.ticket else "base_amount"
        other = str(Decimal(size) + 1) if Decimal(size) == Decimal(one.ticket[name]) else size
        ticket = one.ticket | {name: other}
        more = {"reason": "another size"} if how == "amendments" else {}
        answer = done(
            await post(
                self.world, "trader", f"{self.at(one)}/{how}", ticket | more | {"version": one.version}
            )
        )
        one.ticket, one.terms, one.version = ticket, self.terms(ticket), one.version + 1
        one.unjustified = one.ticket["type"] != "fx_spot"
        return answer

    async def approved(self, request: dict[str, Any]) -> None:
        body = {"version": request["version"], "reason": "agreed with the counterparty"}
        done(await post(self.world, "other-verifier", f"/api/requests/{request['id']}/approval", body))
        await drain(self.world)

    async def verify(self, one: Known) -> None:
        if one.unjustified:
            await justified(self.world, one.deal.id, one.version)
            one.unjustified = False
        done(await post(self.world, "verifier", f"{self.at(one)}/verification", {"version": one.version}))
        await drain(self.world)
        one.state = "verified"

    async def confirmation(self, one: Known) -> dict[str, Any]:
        found = (await got(self.world, "confirmer", "/api/confirmations", trade=one.deal.id))["items"]
        (now,) = [each for each in found if each["state"] != "withdrawn"]
        return dict(now)

    async def settle(self, one: Known) -> None:
        """Take the deal through confirmation and settle every leg that is due today."""
        if one.state == "captured":
            await self.verify(one)
        ours = (await self.confirmation(one))["ours"]
        for act, more in (
            ("dispatch", {}),
            ("counter", {"fields": ours | {"reference": "CP 4711"}}),
            ("match", {}),
        ):
            now = await self.confirmation(one)
            body = {"version": now["version"], **more}
            done(await post(self.world, "confirmer", f"/api/confirmations/{now['id']}/{act}", body))
        await drain(self.world)
        path = "/api/settlements"
        legs = (await got(self.world, "settler", path, trade=one.deal.id))["items"]
        due = [leg for leg in legs if leg["state"] == "projected" and leg["value_date"] == TODAY]
        for leg in due:
            version = leg["version"]
            for act, by in HANDS:
                body = {"version": version}
                version = done(await post(self.world, by, f"{path}/{leg['id']}/{act}", body))["version"]
            one.settled.append(leg["leg"])
        await drain(self.world)
        one.state = "settling"


@pytest.fixture
async def bank(bank_world: World) -> Bank:
    """Give a bank with two counterparties, payment routes, agreements and limits that everything fits in."""
    first = await set_up(bank_world)
    second = await a_counterparty(bank_world, OTHER_LEI, "Second")
    for currency in ("EUR", "USD"):
        await an_instruction(bank_world, second, currency)
    for party in (first, second):
        await agreed(bank_world, party)
    limits = [await a_limit(bank_world, party) for party in (first, second)]
    limits.append(await a_market_limit(bank_world, TERMS["portfolio"]))
    parties = {LEI: UUID(first), OTHER_LEI: UUID(second)}
    return Bank(bank_world, parties, UUID(limits[-1]["owner"]), limits)


@settings(
    max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(first_deals, later)
async def test_position_limits_and_books_hold_what_the_versions_in_force_imply(
    bank: Bank, first: list[dict[str, str]], drawn: list[tuple[str, int, Any]]
) -> None:
    for what, which, told in [*(("capture", 0, ticket) for ticket in first), *drawn]:
        await bank.step(what, which, told)
    await drain(bank.world)

    positions = (await got(bank.world, "risk-controller", "/api/positions"))["items"]
    assert {
        one["currency"]: Decimal(one["amount"]) for one in positions if Decimal(one["amount"])
    } == implied_positions(bank)
    used = [(await got(bank.world, "trader", f"/api/limits/{one['id']}"))["used_eur"] for one in bank.limits]
    assert [Decimal(one) for one in used] == [implied_use(bank, one) for one in bank.limits]
    assert await booked(bank.world) == {
        one.deal.id: lines for one in bank.deals if (lines := implied_lines(one))
    }
    assert await findings(bank.world) == []


def implied_positions(bank: Bank) -> dict[str, Decimal]:
    """Return what the versions in force add up to, by currency."""
    sums: Counter[str] = Counter()
    for one in bank.deals:
        for flow in cash_flows(one.terms) if one.state != "cancelled" else ():
            sums[flow.currency] += flow.amount  # type: ignore[assignment]
    return {currency: Decimal(amount) for currency, amount in sums.items() if amount}


def implied_use(bank: Bank, limit: dict[str, Any]) -> Decimal:
    """Return what the open deals take of a limit, in EUR."""
    sum_eur = Decimal(0)
    for one in bank.deals:
        if one.over:
            continue
        if limit["scope"] == "portfolio":
            held = nominal(one.terms)
        elif one.terms.counterparty_id == UUID(limit["owner"]):
            held = exposure(one.terms)
        else:
            continue
        sum_eur += to_eur(held.amount, held.currency, FIXED)
    return sum_eur


def implied_lines(one: Known) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Return what the posting rules make of a verified deal and its settled legs, by account and currency."""
    if one.state not in ("verified", "settling"):
        return {}
    lines = [*trade_date_journal(one.terms, FIXED)[1]]
    for leg in one.settled:
        lines += [
            line for _, posting in settlement_journals(one.terms, leg, lines, FIXED) for line in posting
        ]
    return summed(lines)


def summed(lines: Iterable[Line]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Return the sums by account and currency that are not zero."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in lines:
        held = sums[line.account, line.currency]
        held[0] += line.amount
        held[1] += line.eur_amount
    return {key: (amount, eur) for key, (amount, eur) in sums.items() if amount or eur}


async def booked(world: World) -> dict[str, dict[tuple[str, str], tuple[Decimal, Decimal]]]:
    """Return what the books hold of each deal."""
    found = await rows(
        world,
        "SELECT j.trade_id, l.account, l.currency, l.amount, l.eur_amount FROM public.journal j "
        "JOIN public.journal_line l ON l.journal_id = j.id",
    )
    by_deal: dict[str, list[Line]] = defaultdict(list)
    for row in found:
        by_deal[str(row.trade_id)].append(Line(row.account, row.currency, row.amount, row.eur_amount))
    return {deal: sums for deal, lines in by_deal.items() if (sums := summed(lines))}
