"""The books: journals with their lines, and the trial balance with its proof."""

from itertools import groupby
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.bookkeeping import queries
from service.bookkeeping.clearing import clearing
from service.bookkeeping.posting import account_name
from service.faces import Allows
from service.kernel.paging import Order
from service.page_frame import Page
from service.settlement.ageing import BUCKETS
from service.settlement.pages import deal_names

ROWS = 50


class BookPages(Controller):
    """What accounting keeps."""

    path = "/"
    include_in_schema = False

    @get("/balances", guards=[Allows(Action.BALANCE_READ)])
    async def balances(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], as_of: FromQuery[str] = ""
    ) -> Response[str]:
        """Show the trial balance, account by account, with the sums that must be zero."""
        found = await queries.trial_balance(reads, page.day_in(as_of, "as_of"))
        for row in found["items"]:
            row["name"] = account_name(row["account"], page.language)
        by_currency = sorted(found["items"], key=lambda row: (row["currency"], row["account"]))
        return page.show(
            "bookkeeping/templates/balances.html",
            groups=[(code, list(rows)) for code, rows in groupby(by_currency, lambda row: row["currency"])],
            proof=found["proof"],
            sums={one["currency"]: one for one in found["proof"]["currencies"]},
            as_of=as_of,
        )

    @get("/clearing", guards=[Allows(Action.BALANCE_READ)])
    async def clearing(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], age: FromQuery[str] = ""
    ) -> Response[str]:
        """Show what is open on the clearing accounts, deal by deal, by its age."""
        found = await clearing(reads, age=page_forms.among(BUCKETS, age, "age"), limit=ROWS * 4)
        for row in found["items"]:
            row["name"] = account_name(row["account"], page.language)
        return page.show(
            "bookkeeping/templates/clearing.html",
            rows=found["items"],
            as_of=found["as_of"],
            by_age=found["by_age"],
            age=age,
            deals=await deal_names(reads, [row for row in found["items"] if row["trade"]]),
        )

    @get("/journals", guards=[Allows(Action.JOURNAL_READ)])
    async def journals(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        trade: FromQuery[str] = "",
        journal: FromQuery[str] = "",
        sort: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the journals, oldest first or newest first, with every line."""
        order = page_forms.one_of(Order, sort, "sort") or Order.OLDEST
        deal, after = page_forms.id_in(trade, "trade"), page_forms.id_in(cursor, "cursor")
        one = page_forms.id_in(journal, "journal")
        found = await queries.journals(reads, deal, ROWS, after, order, one)
        for shown in found["items"]:
            for line in shown["lines"]:
                line["name"] = account_name(line["account"], page.language)
        undone = await queries.reversals(reads, [UUID(shown["id"]) for shown in found["items"]])
        return page.show(
            "bookkeeping/templates/journals.html",
            journals=found["items"],
            next=found["next"],
            deals=await deal_names(reads, found["items"]),
            undone=undone,
            trade=trade,
            journal=journal,
            order=order.value,
        )


ROUTES = [BookPages]
