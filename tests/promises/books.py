"""What numbers, books, limits, prices and work promise."""

from service.compliance import rebuild
from service.compliance.books import BOOKS
from tests.promises.asking import checks
from tests.promises.finished import Finished

NUMBERS = """
SELECT coalesce(p.name, b.book_id::text) AS book, b.numbers, b.first, b.last FROM (
  SELECT book_id, count(*) AS numbers, min(number) AS first, max(number) AS last FROM public.deal_number GROUP BY 1
) b LEFT JOIN public.portfolio p ON p.id = b.book_id
WHERE b.first <> 1 OR b.last <> b.numbers
   OR b.numbers <> (SELECT count(*) FROM public.trade t WHERE t.portfolio_id = b.book_id)
"""
UNBALANCED = """
SELECT journal_id AS id, currency, sum(amount) AS amount, sum(eur_amount) AS eur_amount
FROM public.journal_line GROUP BY journal_id, currency HAVING sum(amount) <> 0
"""
UNBALANCED_IN_EUR = """
SELECT journal_id AS id, sum(eur_amount) AS amount FROM public.journal_line GROUP BY 1 HAVING sum(eur_amount) <> 0
"""
PASSED = """
SELECT u.scope, u.owner_id AS id, u.used_eur AS used, l.amount_eur AS most FROM public.limit_use u
JOIN LATERAL public.limit_in_force(u.scope, u.owner_id, (public.desk_now()).business_date) l ON l.id IS NOT NULL
WHERE u.used_eur > l.amount_eur AND NOT EXISTS (
  SELECT FROM public.work_item w WHERE w.kind = 'excess' AND w.subject_id = l.id AND w.closed_entry_id IS NULL)
"""
UNTOLD = """
SELECT w.id, w.reason FROM public.work_item w WHERE w.kind = 'excess' AND NOT EXISTS (
  SELECT FROM public.audit_entry e WHERE e.id = w.entry_id)
"""
UNJUSTIFIED = """
SELECT m.trade_id AS id, m.version, m.state FROM public.market_check m
JOIN public.trade_control c ON c.id = m.trade_id AND c.version = m.version AND c.state IN ('verified', 'settling')
WHERE m.seq = 1 AND m.state <> 'ok' AND public.justification_for(m.id) IS NULL AND NOT EXISTS (
  SELECT FROM public.market_check later
  WHERE (later.trade_id, later.version) = (m.trade_id, m.version) AND later.seq > 1
    AND (later.state = 'ok' OR public.justification_for(later.id) IS NOT NULL))
"""
UNTOLD_ALERT = """
SELECT m.trade_id AS id FROM public.market_check m WHERE m.seq = 1 AND m.state = 'alert' AND NOT EXISTS (
  SELECT FROM public.work_item w
  WHERE w.subject_id = m.trade_id AND w.kind = 'take_notice' AND w.entry_id = m.entry_id)
"""
NOBODY_ASKED = """
SELECT 'version ' || v.version AS what, v.trade_id AS id FROM public.trade_version v WHERE NOT EXISTS (
  SELECT FROM public.work_item w
  WHERE w.entry_id = v.entry_id AND w.trade_id = v.trade_id AND w.kind IN ('accept_internal', 'verify'))
UNION ALL
SELECT 'request', r.id FROM public.change_request r
JOIN public.audit_effect f ON (f.kind, f.id, f.rev) = ('change_request', r.id, 1)
WHERE NOT EXISTS (SELECT FROM public.work_item w WHERE w.entry_id = f.entry_id AND w.kind = 'decide')
UNION ALL
SELECT 'transfer', t.id FROM public.transfer t
JOIN public.audit_effect f ON (f.kind, f.id, f.rev) = ('transfer', t.id, 1)
WHERE NOT EXISTS (SELECT FROM public.work_item w WHERE w.entry_id = f.entry_id AND w.kind = 'prepare_transfer')
"""


@checks(6)
async def deal_numbers_are_gapless(bank: Finished) -> list[str]:
    """Each book's numbers begin at 1, end at their count, and each has its deal."""
    return await bank.wrong(NUMBERS, "{book}: {numbers} numbers from {first} to {last}")


@checks(7)
async def books_balance(bank: Finished) -> list[str]:
    """Each posting balances in each currency, and in EUR."""
    sentence = "journal {id} is out by {amount} {currency}"
    in_eur = await bank.wrong(UNBALANCED_IN_EUR, "journal {id} is out by {amount} in EUR")
    return await bank.wrong(UNBALANCED, sentence) + in_eur


@checks(13)
async def limits_hold(bank: Finished) -> list[str]:
    """Nothing is used beyond a limit in force, unless the excess is a case that somebody was told of."""
    passed = await bank.wrong(PASSED, "{used} EUR of {most} are used for {scope} {id}, and nobody was told")
    return passed + await bank.wrong(UNTOLD, "the excess {id} ({reason}) has no entry")


@checks(14)
async def prices_off_the_market_are_justified(bank: Finished) -> list[str]:
    """No deal is verified whose price was off, or without a reference, and never justified; the board was told."""
    sentence = "deal {id} version {version} is verified: {state}, and nobody justified it"
    told = await bank.wrong(UNTOLD_ALERT, "nobody was told that deal {id} is off the market")
    return await bank.wrong(UNJUSTIFIED, sentence) + told


@checks(15)
async def books_say_what_versions_say(bank: Finished) -> list[str]:
    """The nightly check: everything told again from the log's files, and the doctor's questions about the books."""
    engine = bank.engine()
    try:
        async with engine.connect() as connection:
            check = await rebuild.self_check(connection, bank.settings.log_directory)
    finally:
        await engine.dispose()
    asked = tuple(f"{question}." for question in BOOKS.questions)
    found = [one.sentence for one in bank.findings if one.sentence.endswith(asked)]
    return [one.sentence for one in check.differences] + found


@checks(20)
async def nothing_waits_unseen(bank: Finished) -> list[str]:
    """Each version of a deal, request and transfer came with work for somebody else, in the same entry."""
    return await bank.wrong(NOBODY_ASKED, "{what} of {id}: nobody was asked to see to it")
