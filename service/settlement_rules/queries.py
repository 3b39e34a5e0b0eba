"""The settlement tables read: the lines in force as a book, and all lines as people read them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.kernel.database import plain_value
from service.kernel.paging import paged
from service.settlement_rules.book import RuleBook
from service.settlement_rules.lifecycle import RuleState
from service.settlement_rules.model import SettlementRule

KEYS = ("rule", "product", "market", "currency", "counterparty_id", "code")
"""What two lines for the same have in common."""


async def rule_book(session: AsyncSession) -> RuleBook:
    """Return every line in force."""
    found = await session.scalars(select(SettlementRule).where(SettlementRule.state == RuleState.IN_FORCE))
    return RuleBook.of(found)


def waiting(rule: SettlementRule) -> Select[UUID]:
    """Select what waits for a decision about the same."""
    same = [getattr(SettlementRule, name).is_not_distinct_from(getattr(rule, name)) for name in KEYS]
    return select(SettlementRule.id).where(SettlementRule.state == RuleState.PROPOSED, *same)


async def settlement_rules(
    session: AsyncSession,
    *,
    rule: str | None = None,
    state: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of lines, newest first; ``next`` is the cursor of the page after it."""
    wanted = select(SettlementRule).order_by(SettlementRule.id.desc()).limit(limit + 1)
    if rule is not None:
        wanted = wanted.where(SettlementRule.rule == rule)
    if state is not None:
        wanted = wanted.where(SettlementRule.state == state)
    if cursor is not None:
        wanted = wanted.where(SettlementRule.id < cursor)
    found = list(await session.scalars(wanted))
    return paged([rule_view(line) for line in found], limit)


def rule_view(line: SettlementRule) -> dict[str, Any]:
    """Return a line as answers show it; what its kind does not have is left out."""
    facts = {
        "id": line.id,
        "version": line.rev or 1,
        "rule": line.rule,
        "state": line.state,
        "product": line.product,
        "market": line.market,
        "currency": line.currency,
        "counterparty": line.counterparty_id,
        "code": line.code,
        "name_en": line.name_en,
        "name_de": line.name_de,
        "number": line.number,
        "days": line.days,
        "at": None if line.at is None else line.at.strftime("%H:%M"),
        "zone": line.zone,
        "amount": line.amount,
        "rate_bp": line.rate_bp,
        "allowed": line.allowed,
        "valid_from": None if line.valid_from == date.min else line.valid_from,
        "source": line.source,
        "reason": line.reason,
    }
    return {name: plain_value(value) for name, value in facts.items() if value is not None}
