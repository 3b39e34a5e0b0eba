"""The sums that pages tell are those of the rows, however much of the log the database has folded into its totals."""

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service import totals
from tests import settling
from tests.bank import World
from tests.controls import dealt_with_controls
from tests.deals import by_force, rows
from tests.intruders import intruder_of
from tests.keeping import findings, publish
from tests.settling import Deal

PLAIN = {
    "positions": (
        "SELECT portfolio_id, currency, sum(amount) AS amount FROM position_movement GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT * FROM positions_now() ORDER BY 1, 2",
    ),
    "balances": (
        """SELECT account, currency, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
        coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit, sum(eur_amount) AS eur_amount
        FROM journal_line GROUP BY 1, 2 ORDER BY 1, 2""",
        "SELECT * FROM balances_now(NULL) ORDER BY 1, 2",
    ),
    "exposures": (
        """SELECT r.owner_id, coalesce(v.end_date, v.value_date) AS due, sum(r.eur_amount) AS eur_amount
        FROM limit_reservation r JOIN trade t ON t.id = r.trade_id
        JOIN trade_version v ON v.trade_id = t.id AND v.version = t.version
        WHERE r.scope = 'counterparty' GROUP BY 1, 2 HAVING sum(r.eur_amount) <> 0 ORDER BY 1, 2""",
        "SELECT * FROM exposures_now() ORDER BY 1, 2",
    ),
}
WRITTEN = (
    "UPDATE public.position_total SET amount = 0",
    "DELETE FROM public.exposure_total",
    "INSERT INTO public.balance_total VALUES ('2026-10-26', '1000', 'EUR', 1, 0, 1)",
    "UPDATE public.total_mark SET upto = 0",
    "SELECT public.totals_fold(10)",
)
READ = {"public.positions_now()": "position_movement", "public.balances_now(NULL)": "journal_line"}


async def told(world: World) -> dict[str, Any]:
    """Return each sum as the database tells it, held against the plain sum over the rows."""
    found = {}
    for name, (plain, kept) in PLAIN.items():
        found[name] = [tuple(row) for row in await rows(world, kept)]
        assert found[name] == [tuple(row) for row in await rows(world, plain)], name
        assert found[name], name
    return found


async def test_totals_are_the_sums_at_every_place_of_the_log(bank_world: World) -> None:
    log = bank_world.bank.offices[Office.LOG]
    await settling.set_up(bank_world)
    deals = await dealt_with_controls(bank_world)
    before = await told(bank_world)  # nothing is folded, and nothing has its place in the log

    await publish(bank_world)
    for most in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        (row,) = await rows(bank_world, f"SELECT public.totals_fold({most}) AS folded")
        assert row.folded == most
        assert await told(bank_world) == before
    assert await totals.fold(log, 100) > 100
    assert await totals.fold(log) == 0
    assert await told(bank_world) == before

    await deals["returned"].cancel(
        version=2
    )  # what the corrected version took is given back, and after it another deal
    later = Deal(bank_world, (await settling.captured(bank_world)).id)
    after = await told(bank_world)
    assert after != before
    await publish(bank_world)
    assert await totals.fold(log) > 0
    assert await told(bank_world) == after
    await later.cancel()
    await publish(bank_world)
    await told(bank_world)
    assert await findings(bank_world) == []

    for office in (Office.ACCOUNTING, Office.CREDIT, Office.FRONT_OFFICE, Office.LOG):
        intruder = await intruder_of(bank_world, office)
        for statement in WRITTEN:
            if office is not Office.LOG or "totals_fold" not in statement:
                with pytest.raises(DBAPIError, match="permission denied"):
                    await intruder.run(statement)
        for function, table in READ.items():
            (may,) = await intruder.run(
                f"SELECT has_column_privilege(session_user, 'public.{table}', 'amount', 'select') AS it"
            )
            if may.it:
                assert await intruder.run(f"SELECT * FROM {function}")
            else:
                with pytest.raises(DBAPIError, match=f"reads no public.{table}"):
                    await intruder.run(f"SELECT * FROM {function}")

    await by_force(
        bank_world,
        "UPDATE public.position_total SET amount = amount + 1",
        "UPDATE public.balance_total SET debit = debit + 1, credit = credit + 1",
        "UPDATE public.exposure_total SET eur_amount = eur_amount / 2",
    )
    sentences = {one.sentence.partition(": ")[2] for one in await findings(bank_world)}
    assert sentences == {
        "its kept position is not the sum of its movements.",
        "the balance kept of its account and day is not the sum of the lines.",
        "what is kept of its exposure is not what its deals hold.",
    }
