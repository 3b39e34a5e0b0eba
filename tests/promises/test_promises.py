"""The page of promises and its checkers belong together, and a checker that finds nothing planted is worth nothing."""

import re
from pathlib import Path

from service.kernel.identifiers import uuid7
from tests.bank import World
from tests.deals import by_force
from tests.keeping import publish
from tests.promises import CHECKERS, broken, finished
from tests.settling import settled

PAGE = Path(__file__).parents[2] / "docs" / "promise.md"
ROW = re.compile(r"^\| ([0-9]+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
NOT_HERE = re.compile(r"^not here: .{20,}$")


def test_each_promise_names_its_checker_and_each_checker_is_named() -> None:
    """A promise without a checker says why a finished bank cannot show it."""
    rows = {int(number): shown for number, _, _, _, shown in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert list(rows) == list(range(1, len(rows) + 1))
    named = {number: shown.strip("`") for number, shown in rows.items() if not NOT_HERE.match(shown)}
    assert named == {number: checker.__name__ for number, checker in CHECKERS.items()}
    for number, shown in rows.items():
        if number not in named:
            print(f"promise {number}: {shown}")


PLANTED = {
    2: "UPDATE counterparty SET name = 'Other name'",
    5: "UPDATE idempotency_key SET answer = replace(answer, '\"entry\"', '\"other\"') WHERE status = 201",
    6: "UPDATE deal_number SET number = 7",
    7: "UPDATE journal_line SET amount = amount + 1 WHERE line = 1",
    9: "UPDATE account SET office = 'front_office' WHERE name = 'settler'",
    10: "UPDATE person SET disabled = true WHERE id = (SELECT person_id FROM account WHERE name = 'closer')",
    13: "UPDATE limit_use SET used_eur = 1e15",
    14: "UPDATE market_check SET state = 'no_reference'",
    16: "UPDATE reporting_line SET functional_head_id = (SELECT person_id FROM account WHERE name = 'head-of-trading')",
    17: "UPDATE role_grant SET account_id = (SELECT id FROM account WHERE name = 'trader') WHERE id = (SELECT min(id::text)::uuid FROM role_grant WHERE role = 'verifier')",
    20: "UPDATE work_item SET kind = 'book' WHERE kind = 'verify'",
    21: "UPDATE document SET size = size + 1",
    25: "DELETE FROM audit_index WHERE index = 40",
}  # fmt: skip


async def test_a_bank_after_a_deal_keeps_every_promise_and_what_is_planted_is_found(
    ready_bank: World,
) -> None:
    await settled(ready_bank)
    await publish(ready_bank)
    assert await broken(finished(ready_bank)) == []

    await by_force(ready_bank, *PLANTED.values())
    receipt = {"entry": str(uuid7()), "leaf": "00" * 32}
    heard = [
        {"account": "trader", "key": "lost", "status": 201, "receipt": receipt},
        {"account": "trader", "key": "silent", "status": 403, "code": "not_permitted", "decision": None},
    ]
    found = {one.number for one in await broken(finished(ready_bank, heard))}
    assert found >= PLANTED.keys() | {3, 4, 15}
