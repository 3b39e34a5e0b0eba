"""Files of deals for tests, brought in as ``trennwand import`` does it."""

import contextlib
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from policies.policy import load
from service import bank as banks
from service import deal_files
from service.cli import Outcome
from service.demo import cast
from service.demo.access import token_for
from service.importing.rows import Defaults
from service.kernel.actor import Actor
from service.migrations.upgrade import ensure_database
from service.people.directory import actor_of_token
from service.settings import Settings
from tests.bank import PASSWORD, World, world
from tests.deals import TERMS
from tests.parties import LEI


@contextlib.asynccontextmanager
async def a_bank(server_url: str, data: Path, day: date) -> AsyncIterator[World]:
    """Found a bank that opens on a day, in a database that the command line finds as well."""
    url = await ensure_database(server_url, f"import_{uuid4().hex}")
    settings = Settings(data=data, database_url=url)
    policy = load()
    admin_url, urls = await banks.prepare(settings, url, policy)
    passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
    await banks.found(settings, admin_url, policy, cast.founding(day), passwords)
    async with banks.running(settings, admin_url, urls, policy=policy, keep_log=False) as bank:
        here = world(bank)
        yield here
        await here.close()


async def actor(world: World, account: str) -> Actor:
    """Return who is signed in to an account."""
    found = await actor_of_token(world.bank.offices, await token_for(world.bank, account))
    assert found is not None
    return found


def table(*rows: Mapping[str, Any], columns: Iterable[str] = TERMS) -> str:
    """Return a table of deals in our own format, each with these changes of the right terms."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**TERMS, **row} for row in rows)
    return text.getvalue()


async def imported(
    world: World, file: Path, *, by: str = "trader", preview: bool = False, **defaults: Any
) -> tuple[Outcome, list[dict[str, str]]]:
    """Import a file, or look at it; return what the command comes to, and the rows of its report.

    The report never stands beside the file: third-party input is read where nothing may be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.csv"
        wish = deal_files.Import(file, Defaults(**defaults), preview=preview, report=report)
        outcome = await deal_files.import_rows(world.bank.gate, await actor(world, by), wish)
        if not report.exists():
            return outcome, []
        with report.open(newline="", encoding="utf-8") as stream:
            return outcome, list(csv.DictReader(stream))


def deposit_document(us: str) -> str:
    """Return a deposit as an FpML document: we, with this LEI, place it with the first counterparty."""
    scheme = "http://www.fpml.org/coding-scheme/external/iso17442"
    parties = "".join(
        f'<party id="{name}"><partyId partyIdScheme="{scheme}">{lei}</partyId></party>'
        for name, lei in (("us", us), ("them", LEI))
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<dataDocument xmlns="http://www.fpml.org/FpML-5/confirmation" fpmlVersion="5-10">
  <trade>
    <tradeHeader>
      <partyTradeIdentifier><partyReference href="us"/><tradeId>D1</tradeId></partyTradeIdentifier>
      <tradeDate>2026-10-27</tradeDate>
    </tradeHeader>
    <termDeposit>
      <payerPartyReference href="us"/><receiverPartyReference href="them"/>
      <startDate>2026-10-29</startDate><maturityDate>2026-11-30</maturityDate>
      <principal><currency>EUR</currency><amount>1000000.00</amount></principal>
      <fixedRate>0.021</fixedRate><dayCountFraction>ACT/360</dayCountFraction>
      <interest><currency>EUR</currency><amount>1866.67</amount></interest>
    </termDeposit>
  </trade>{parties}
</dataDocument>"""
