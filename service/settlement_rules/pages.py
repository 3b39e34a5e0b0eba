"""The settlement tables on a page, each line with what may be decided about it."""

from typing import Final

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.page_frame import History, Page, Subject
from service.settlement_rules.lifecycle import SETTLEMENT_RULE, RuleState
from service.settlement_rules.queries import settlement_rules

ROWS: Final = 100


class SettlementRulePages(Controller):
    """Cycles, cut-offs, amounts, netting, reasons, penalties."""

    path = "/settlement-rules"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_RULE_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the lines, newest first."""
        found = await settlement_rules(reads, cursor=page_forms.id_in(cursor, "cursor"), limit=ROWS)
        subjects = {
            row["id"]: Subject(
                SETTLEMENT_RULE.actions_from(RuleState(row["state"])),
                related=[("settlement_rule", row["id"])],
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "settlement_rules/templates/rules.html", rows=found["items"], next=found["next"], buttons=buttons
        )


ROUTES = [SettlementRulePages]
