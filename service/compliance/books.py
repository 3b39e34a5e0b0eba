"""What the slices know about their own rows, for the comparison of the database with its log."""

from collections.abc import Sequence

from service.audit_trail.compare import Books, Vouched
from service.bookkeeping.model import JournalLine
from service.bookkeeping.posting import Line
from service.bookkeeping.queries import lines_digest
from service.compliance.all_rows import check_of, reservations_of
from service.conformity.model import MarketCheck
from service.kernel.database import digest
from service.limits.model import LimitReservation
from service.trades.entering import terms_digest
from service.trades.model import TradeVersion

POSITION = """
WITH wanted AS (
  SELECT v.trade_id, flow.currency, flow.value_date, sum(flow.amount) AS amount
  FROM public.trade t
  JOIN public.trade_version v ON v.trade_id = t.id AND v.version = t.version
  CROSS JOIN LATERAL (VALUES
    (v.base, v.value_date, CASE v.side WHEN 'buy' THEN v.base_amount ELSE -v.base_amount END),
    (v.quote, v.value_date, CASE v.side WHEN 'buy' THEN -v.quote_amount ELSE v.quote_amount END),
    (v.currency, v.value_date, CASE v.type WHEN 'mm_loan' THEN v.principal ELSE -v.principal END),
    (v.currency, v.end_date, CASE v.type WHEN 'mm_loan' THEN -1 ELSE 1 END * (v.principal + v.interest))
  ) AS flow(currency, value_date, amount)
  WHERE flow.currency IS NOT NULL
  GROUP BY 1, 2, 3
), held AS (
  SELECT m.trade_id, m.currency, m.value_date, sum(m.amount) AS amount FROM public.position_movement m GROUP BY 1, 2, 3
)
SELECT DISTINCT 'trade' AS kind, trade_id AS id
FROM wanted w FULL JOIN held h USING (trade_id, currency, value_date)
LEFT JOIN public.trade_control c ON c.id = trade_id
WHERE coalesce(h.amount, 0) <> coalesce(w.amount, 0)
  AND NOT (c.state IS NOT DISTINCT FROM 'cancelled' AND coalesce(h.amount, 0) = 0)
"""
"""A cancelled deal is in the position until it is taken out, and then not at all."""

LIMIT_HELD = """
WITH wanted AS (
  SELECT v.trade_id, x.scope, x.owner_id, x.currency, x.amount
  FROM public.trade t
  JOIN public.trade_version v ON v.trade_id = t.id AND v.version = t.version
  JOIN public.counterparty p ON p.id = v.counterparty_id
  LEFT JOIN public.trade_control c ON c.id = t.id
  CROSS JOIN LATERAL (SELECT
    CASE v.side WHEN 'buy' THEN v.base WHEN 'sell' THEN v.quote ELSE v.currency END AS currency,
    CASE v.side WHEN 'buy' THEN v.base_amount WHEN 'sell' THEN v.quote_amount
                ELSE CASE v.type WHEN 'mm_deposit' THEN v.principal + v.interest ELSE v.principal END END AS gross
  ) AS deal
  CROSS JOIN LATERAL (VALUES
    ('counterparty', v.counterparty_id, deal.currency,
     CASE WHEN p.own OR v.type = 'mm_loan' THEN 0 ELSE deal.gross END),
    ('portfolio', t.portfolio_id, deal.currency, deal.gross)) AS x(scope, owner_id, currency, amount)
  WHERE c.state IS DISTINCT FROM 'cancelled'
    AND (NOT EXISTS (SELECT FROM public.settlement s WHERE s.trade_id = t.id AND s.version = c.version)
         OR EXISTS (SELECT FROM public.settlement s
                    WHERE s.trade_id = t.id AND s.version = c.version AND s.state <> 'settled'))
), held AS (
  SELECT r.trade_id, r.scope, r.owner_id, r.currency, sum(r.amount) AS amount, sum(r.eur_amount) AS eur_amount
  FROM public.limit_reservation r GROUP BY 1, 2, 3, 4
)
SELECT DISTINCT 'trade' AS kind, trade_id AS id
FROM wanted w FULL JOIN held h USING (trade_id, scope, owner_id, currency)
WHERE coalesce(h.amount, 0) <> coalesce(w.amount, 0) OR (coalesce(h.amount, 0) = 0 AND h.eur_amount <> 0)
"""
"""An open deal holds what its version in force takes, in the currency it is dealt in; one that is over holds nothing."""

LIMIT_WORTH = """
SELECT DISTINCT 'trade' AS kind, r.trade_id AS id
FROM public.limit_reservation r LEFT JOIN public.fixing_set f ON f.day = r.fixing_day
WHERE r.why IN ('reserved', 'exempt') AND r.eur_amount IS DISTINCT FROM
  (CASE WHEN r.amount = 0 THEN 0 WHEN r.currency = 'EUR' THEN round(r.amount, 2)
        ELSE round(r.amount / (f.rates->>r.currency)::numeric, 2) END)
"""

LIMIT_USE = """
SELECT coalesce(u.scope, r.scope) AS kind, coalesce(u.owner_id, r.owner_id) AS id
FROM public.limit_use u
FULL JOIN (SELECT scope, owner_id, sum(eur_amount) AS eur_amount FROM public.limit_reservation GROUP BY 1, 2) r
  ON (r.scope, r.owner_id) = (u.scope, u.owner_id)
WHERE coalesce(u.used_eur, 0) <> coalesce(r.eur_amount, 0)
"""

POSITION_TOTAL = """
SELECT 'portfolio' AS kind, coalesce(n.portfolio_id, m.portfolio_id) AS id FROM public.positions_now() n
FULL JOIN (SELECT portfolio_id, currency, sum(amount) AS amount FROM public.position_movement GROUP BY 1, 2) m
  ON (m.portfolio_id, m.currency) = (n.portfolio_id, n.currency)
WHERE coalesce(n.amount, 0) <> coalesce(m.amount, 0)
"""

BALANCE_TOTAL = """
SELECT 'journal' AS kind, coalesce(m.id, '00000000-0000-0000-0000-000000000000') AS id FROM (
  SELECT booked_on, account, currency, sum(debit) AS debit, sum(credit) AS credit, sum(eur_amount) AS eur_amount FROM (
    SELECT booked_on, account, currency, debit, credit, eur_amount FROM public.balance_total
    UNION ALL SELECT * FROM public.balances_of_entries(public.entries_unfolded())) x GROUP BY 1, 2, 3
) n
FULL JOIN (
  SELECT min(j.id::text)::uuid AS id, j.booked_on, l.account, l.currency,
         coalesce(sum(l.amount) FILTER (WHERE l.amount > 0), 0) AS debit,
         coalesce(-sum(l.amount) FILTER (WHERE l.amount < 0), 0) AS credit, sum(l.eur_amount) AS eur_amount
  FROM public.journal_line l JOIN public.journal j ON j.id = l.journal_id GROUP BY 2, 3, 4
) m USING (booked_on, account, currency)
WHERE (n.debit, n.credit, n.eur_amount) IS DISTINCT FROM (m.debit, m.credit, m.eur_amount)
"""

EXPOSURE_TOTAL = """
SELECT 'counterparty' AS kind, coalesce(n.owner_id, m.owner_id) AS id FROM public.exposures_now() n
FULL JOIN (
  SELECT r.owner_id, coalesce(v.end_date, v.value_date) AS due, sum(r.eur_amount) AS eur_amount
  FROM public.limit_reservation r
  JOIN public.trade t ON t.id = r.trade_id
  JOIN public.trade_version v ON v.trade_id = t.id AND v.version = t.version
  WHERE r.scope = 'counterparty' GROUP BY 1, 2 HAVING sum(r.eur_amount) <> 0
) m ON (m.owner_id, m.due) = (n.owner_id, n.due)
WHERE coalesce(n.eur_amount, 0) <> coalesce(m.eur_amount, 0)
"""

CHECKED = """
SELECT 'trade' AS kind, v.trade_id AS id FROM public.trade_version v
LEFT JOIN public.market_check m ON m.trade_id = v.trade_id AND m.version = v.version
GROUP BY v.trade_id, v.version HAVING coalesce(max(m.seq), 0) = 0 OR max(m.seq) <> count(m.seq)
"""

CHECKED_AGAIN = """
SELECT f.kind, f.id FROM public.audit_entry e JOIN public.audit_effect f ON f.entry_id = e.id
CROSS JOIN LATERAL (SELECT convert_from(e.bytes, 'UTF8')::jsonb #>> '{data,checks,digest}' AS digest) told
WHERE e.act IN ('benchmark.approve', 'fixing.import') AND e.outcome = 'allow'
  AND coalesce(told.digest, public.checks_digest(NULL)) <> public.checks_digest(e.id)
"""


def _lines(rows: Sequence[JournalLine]) -> str:
    return lines_digest(Line(row.account, row.currency, row.amount, row.eur_amount) for row in rows)


def _terms(rows: Sequence[TradeVersion]) -> str:
    return terms_digest(rows[0]) if len(rows) == 1 else f"{len(rows)} versions from one act"


def _reservations(rows: Sequence[LimitReservation]) -> str:
    return digest(reservations_of(rows).view)


def _check(rows: Sequence[MarketCheck]) -> str | None:
    return digest(check_of(rows[0]).view) if len(rows) == 1 and rows[0].seq == 1 else None


BOOKS = Books(
    vouched=(
        Vouched(TradeVersion, "trade_id", "trade", "terms_digest", _terms),
        Vouched(JournalLine, "journal_id", "journal", "lines_digest", _lines),
        Vouched(LimitReservation, "trade_id", "trade", "limits", _reservations),
        Vouched(MarketCheck, "trade_id", "trade", "check", _check),
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
        "a version of it was not held against the market": CHECKED,
        "prices were held against it and found otherwise than its entry tells": CHECKED_AGAIN,
        "the position does not hold what its terms say": POSITION,
        "the limits do not hold what its terms take of them": LIMIT_HELD,
        "what it takes of a limit is not worth what the fixing says": LIMIT_WORTH,
        "what is used of its limit is not what the deals hold of it": LIMIT_USE,
        "its kept position is not the sum of its movements": POSITION_TOTAL,
        "the balance kept of its account and day is not the sum of the lines": BALANCE_TOTAL,
        "what is kept of its exposure is not what its deals hold": EXPOSURE_TOTAL,
    },
)
