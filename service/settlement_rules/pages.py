"""The settlement tables on a page, each line with what may be decided about it."""

from collections.abc import Mapping
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.page_frame import Button, History, Page, Subject
from service.parties.queries import counterparty_names
from service.settlement_rules.lifecycle import SETTLEMENT_RULE, RuleState
from service.settlement_rules.queries import settlement_rules
from service.settlement_rules.use_cases import Proposed

ROWS: Final = 100
LINES: Final[Mapping[str, type[Any]]] = {str(line.__struct_config__.tag): line for line in get_args(Proposed)}
"""The tables of settlement, each with what a line of it says."""
COMMON: Final = frozenset({"valid_from", "source", "reason"})


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
        propose: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the lines, newest first, and the form for a new one of the chosen table."""
        found = await settlement_rules(reads, cursor=page_forms.id_in(cursor, "cursor"), limit=ROWS)
        subjects = {
            row["id"]: Subject(
                SETTLEMENT_RULE.actions_from(RuleState(row["state"])),
                related=[("settlement_rule", row["id"])],
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        told = {UUID(row["counterparty"]) for row in found["items"] if row.get("counterparty")}
        return page.show(
            "settlement_rules/templates/rules.html",
            rows=found["items"],
            names={str(party): name for party, name in (await counterparty_names(reads, told)).items()},
            next=found["next"],
            buttons=buttons,
            tables=list(LINES),
            chosen=propose if propose in LINES else "",
            fields=fields_of(LINES[propose]) if propose in LINES else [],
            propose=Button(Action.SETTLEMENT_RULE_PROPOSE),
        )


def fields_of(line: type[Any]) -> list[tuple[str, bool]]:
    """Return what a line of a table says beside its beginning, source and reason, and what of it must be said."""
    own = [field for field in msgspec.structs.fields(line) if field.name not in COMMON]
    return [(field.name, field.required) for field in own]


ROUTES = [SettlementRulePages]
