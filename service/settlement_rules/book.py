"""The settlement tables as they stand on a day: pure look-ups over their lines.

Of several lines for the same the one that began last counts, and of those that began on one day the one approved last.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from service.kernel.calendar import next_business_day
from service.settlement_rules.model import SettlementRule

BERLIN: Final = ZoneInfo("Europe/Berlin")
FRESH_DAYS: Final = 30
"""How long a payment route is fresh where nobody set anything else."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every line in force, of any day."""

    rules: tuple[SettlementRule, ...]

    @classmethod
    def of(cls, rules: Iterable[SettlementRule]) -> "RuleBook":
        """Return the book of these lines, the one that counts first."""
        return cls(tuple(sorted(rules, key=lambda rule: (rule.valid_from, rule.id), reverse=True)))

    def line(self, rule: str, day: date, **key: Any) -> SettlementRule | None:
        """Return the line of this kind and key that counts on the day."""
        return next(
            (
                line
                for line in self.rules
                if line.rule == rule
                and line.valid_from <= day
                and all(getattr(line, name) == value for name, value in key.items())
            ),
            None,
        )

    def cycle(self, product: str, market: str | None, trade_date: date) -> SettlementRule | None:
        """Return the longest cycle a deal of the trade date may have; a market's own line before everybody's."""
        own = self.line("cycle", trade_date, product=product, market=market)
        return own or self.line("cycle", trade_date, product=product, market=None)

    def last_settlement_date(self, product: str, market: str | None, trade_date: date) -> date | None:
        """Return the last day on which such a deal may settle (CSDR Art. 5(2)); None where no cycle is set.

        Raises NoCalendar.
        """
        line = self.cycle(product, market, trade_date)
        if line is None or line.days is None:
            return None
        day = trade_date
        for _ in range(line.days):
            day = next_business_day(day, line.currency or "EUR")
        return day

    def cut_off(self, currency: str, day: date) -> datetime | None:
        """Return until when a payment of the currency may be sent on the day; None where no cut-off is set."""
        line = self.line("cut_off", day, currency=currency)
        if line is None or line.at is None:
            return None
        return datetime.combine(day, line.at, tzinfo=ZoneInfo(line.zone or "Europe/Berlin"))

    def ladder(self, currency: str | None, day: date) -> Decimal | None:
        """Return up to which amount one signature is enough; without a currency: the amount in EUR for all others."""
        line = self.line("ladder", day, currency=currency)
        return None if line is None else line.amount

    def nets(self, counterparty_id: UUID, day: date) -> bool:
        """Tell whether payments with the counterparty are netted."""
        line = self.line("netting", day, counterparty_id=counterparty_id)
        return line is not None and bool(line.allowed)

    def call_back(self, counterparty_id: UUID, day: date) -> SettlementRule | None:
        """Return where the counterparty is called to confirm its payment routes."""
        return self.line("call_back", day, counterparty_id=counterparty_id)

    def fresh_days(self, day: date) -> int:
        """Return for how many days a payment route is fresh."""
        line = self.line("freshness", day)
        return FRESH_DAYS if line is None or line.days is None else line.days

    def reason(self, code: str, day: date) -> SettlementRule | None:
        """Return the line of a reason code."""
        return self.line("reason", day, code=code)

    def penalty(self, instrument: str, code: str, day: date) -> SettlementRule | None:
        """Return the penalty of a type of instrument for this reason, else for any."""
        own = self.line("penalty", day, product=instrument, code=code)
        return own or self.line("penalty", day, product=instrument, code=None)


def desk_instant(business_date: date, clock: time) -> datetime:
    """Return desk time as an instant."""
    return datetime.combine(business_date, clock, tzinfo=BERLIN)


def due_at(cut_off: datetime | None, pay_on: date, business_date: date, now: datetime) -> datetime:
    """Return when work for a payment is due, as many days from now as its day is away from the business date.

    At the cut-off of the day, else at its end.
    """
    days = max((pay_on - business_date).days, 0)
    if cut_off is None:
        last = now.astimezone(BERLIN).date() + timedelta(days=days + 1)
        return datetime.combine(last, time(0), tzinfo=BERLIN)
    local = now.astimezone(cut_off.tzinfo).date() + timedelta(days=days)
    return datetime.combine(local, cut_off.timetz().replace(tzinfo=None), tzinfo=cut_off.tzinfo)
