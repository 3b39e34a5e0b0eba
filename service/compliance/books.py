"""What the slices know about their own rows, for the comparison of the database with its log."""

from collections.abc import Sequence

from service.audit_trail.compare import Books, Vouched
from service.bookkeeping.model import JournalLine
from service.bookkeeping.posting import Line
from service.bookkeeping.queries import lines_digest
from service.trades.entering import terms_digest
from service.trades.model import TradeVersion

POSITION = """
SELECT 'trade' AS kind, t.id
FROM public.trade t
JOIN public.trade_version v ON v.trade_id = t.id AND v.version = t.version
LEFT JOIN public.trade_control c ON c.id = t.id
CROSS JOIN LATERAL (VALUES
  (v.base, CASE v.side WHEN 'buy' THEN v.base_amount ELSE -v.base_amount END),
  (v.quote, CASE v.side WHEN 'buy' THEN -v.quote_amount ELSE v.quote_amount END)) AS flow(currency, amount)
CROSS JOIN LATERAL (
  SELECT coalesce(sum(m.amount), 0) AS held FROM public.position_movement m
  WHERE m.trade_id = t.id AND m.currency = flow.currency) AS moved
WHERE moved.held <> flow.amount AND NOT (c.state IS NOT DISTINCT FROM 'cancelled' AND moved.held = 0)
"""
"""A cancelled deal is in the position until it is taken out, and then not at all."""


def _lines(rows: Sequence[JournalLine]) -> str:
    return lines_digest(Line(row.account, row.currency, row.amount, row.eur_amount) for row in rows)


def _terms(rows: Sequence[TradeVersion]) -> str:
    return terms_digest(rows[0]) if len(rows) == 1 else f"{len(rows)} versions from one act"


BOOKS = Books(
    vouched=(
        Vouched(TradeVersion, "trade_id", "trade", "terms_digest", _terms),
        Vouched(JournalLine, "journal_id", "journal", "lines_digest", _lines),
    ),
    questions={
        "a version of its terms is missing or too many": (
            "SELECT 'trade' AS kind, t.id FROM public.trade t "
            "WHERE t.version <> (SELECT count(*) FROM public.trade_version v WHERE v.trade_id = t.id)"
        ),
        "its number is not the one that was taken for it": (
            "SELECT 'trade' AS kind, t.id FROM public.trade t LEFT JOIN public.deal_number d ON d.trade_id = t.id "
            "WHERE (d.book_id, d.number) IS DISTINCT FROM (t.portfolio_id, t.number)"
        ),
        "it has no lines": (
            "SELECT 'journal' AS kind, j.id FROM public.journal j "
            "WHERE NOT EXISTS (SELECT FROM public.journal_line l WHERE l.journal_id = j.id)"
        ),
        "the position does not hold what its terms say": POSITION,
    },
)
