"""The database's own guards, derived from the tables: revisions, append-only rows, frozen columns."""

from collections.abc import Iterator

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from policies.vocabulary import Office
from service.kernel.database import Base, Moved, Recorded
from service.kernel.items import ROUTES, Item

WAITS_FOR = {
    "change_request": (Item.DECIDE,),
    "trade_version": (Item.ACCEPT_INTERNAL, Item.VERIFY),
    "transfer": (Item.PREPARE_TRANSFER,),
}
"""What trading writes, and the work that must be opened with it, each for somebody else."""
NOT_FOR_TRADING = tuple(
    item.value
    for item, route in ROUTES.items()
    if route.office in (Office.COMPLIANCE, Office.INTERNAL_AUDIT)
    or item
    in (
        Item.ABSENCE_BREACH_RISK,
        Item.CASE_NOTICE,
        Item.ESCALATED_BOARD,
        Item.ESCALATED_HEAD,
        Item.ESCALATED_RISK,
        Item.EXAMINE_ALERT,
        Item.EXAMINE_ALLEGED,
        Item.EXAMINE_CASE,
        Item.SIGN_CASE,
    )
)
"""Work about what trading did, or is thought to have done: it learns nothing of it (MAR-01), unless it is its own."""
PEOPLE = (
    *(
        "absence",
        "account",
        "delegation",
        "desk_time",
        "membership",
        "person",
        "reporting_line",
        "role_grant",
    ),
    *("staff_event", "unit"),
)
"""What says who is there, and what they may do."""
APPEND_ONLY = ("audit_entry", "audit_effect", "audit_index")


def models() -> list[type[DeclarativeBase]]:
    """Return every mapped table class, by table name."""
    return sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__tablename__)


def guard_statements(_: MetaData | None = None) -> Iterator[str]:
    """Yield the triggers of every table, in a stable order."""
    for model in models():
        table = model.__tablename__
        if issubclass(model, Recorded):
            yield trigger(table, "revision", "BEFORE INSERT OR UPDATE OR DELETE", "guard_recorded")
            if frozen := getattr(model, "__frozen__", ()):
                yield frozen_trigger(table, frozen)
        elif issubclass(model, Moved):
            mutable = getattr(model, "__mutable__", ())
            if table != "work_item":  # its functions look for the entry themselves
                yield entry_trigger(table, mutable)
            if not mutable:
                yield trigger(table, "append_only", "BEFORE UPDATE OR DELETE", "guard_append_only")
            else:
                fixed = [column.name for column in model.__table__.columns if column.name not in mutable]
                yield frozen_trigger(table, tuple(fixed))
                yield trigger(table, "no_delete", "BEFORE DELETE", "guard_append_only")
        elif table in APPEND_ONLY:
            yield trigger(table, "append_only", "BEFORE UPDATE OR DELETE", "guard_append_only")
        else:
            continue
        yield (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON public.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.guard_append_only()"
        )
    yield at_commit("audit_entry", "in_time", "INSERT", "guard_committed_in_time")
    yield at_commit("journal_line", "balanced", "INSERT", "guard_journal_balanced")
    yield at_commit("trade", "number_taken", "INSERT", "guard_number_taken")
    yield at_commit("trade_version", "covered", "INSERT", "guard_version_covered")
    yield at_commit("limit_reservation", "for_version", "INSERT", "guard_reserved_for_version")
    yield at_commit("market_check", "told", "INSERT", "guard_alert_told")
    yield from deputy_guards()
    yield from case_guards()
    yield trigger("trading_limit", "begins_proposed", "BEFORE INSERT", "guard_limit_proposed")
    yield trigger("limit_vote", "of_its_office", "BEFORE INSERT", "guard_limit_vote")
    yield trigger("settlement", "hands", "BEFORE INSERT OR UPDATE", "guard_settlement_hands")
    yield trigger("payment", "step", "BEFORE INSERT OR UPDATE", "guard_payment")
    yield trigger("payment_status", "step", "BEFORE INSERT OR UPDATE", "guard_payment_status")
    yield trigger("net", "step", "BEFORE INSERT OR UPDATE", "guard_net")
    yield at_commit("net", "whole", "INSERT OR UPDATE", "guard_net_whole")
    yield at_commit("settlement", "net_whole", "UPDATE", "guard_leg_of_net")
    yield at_commit("payment", "ordered", "INSERT OR UPDATE OF document_id", "guard_payment_ordered")
    yield at_commit("trading_limit", "voted", "UPDATE", "guard_limit_voted")
    yield from organisation_guards()
    yield from waits()
    yield from policy_guards()
    yield "ALTER TABLE public.fixing_set ENABLE ROW LEVEL SECURITY"
    yield "CREATE POLICY published ON public.fixing_set USING (public.is_published(day))"
    yield from papers()
    yield "ALTER TABLE public.work_item ENABLE ROW LEVEL SECURITY"
    hidden = ", ".join(f"'{kind}'" for kind in NOT_FOR_TRADING)
    yield (
        "CREATE POLICY in_sight ON public.work_item USING ("
        f"coalesce((SELECT public.current_office()) <> 'front_office', true) OR kind NOT IN ({hidden}) "
        "OR home = 'front_office')"
    )
    yield "ALTER TABLE public.benchmark ENABLE ROW LEVEL SECURITY"
    yield "CREATE POLICY published ON public.benchmark USING (public.is_published(day))"


def papers() -> Iterator[str]:
    """Yield what keeps papers whole and in sight of those alone who work with them."""
    yield trigger("document", "of_its_office", "BEFORE INSERT", "guard_document")
    yield at_commit("document", "filed", "INSERT", "guard_document_filed")
    yield at_commit("document_content", "filed", "INSERT", "guard_content_filed")
    yield "ALTER TABLE public.document ENABLE ROW LEVEL SECURITY"
    yield (
        "CREATE POLICY in_sight ON public.document FOR SELECT "
        # the same as document_in_sight, asked once for a statement and not for each row
        "USING (coalesce((SELECT public.current_office()) IN ('compliance', 'internal_audit'), true) "
        "OR office = (SELECT public.current_office()) OR office NOT IN ('compliance', 'internal_audit') "
        "AND document_kind = ANY ((SELECT public.papers_in_sight())::text[]))"
    )
    yield "CREATE POLICY own ON public.document FOR INSERT WITH CHECK (office = public.current_office())"
    yield "ALTER TABLE public.document_content ENABLE ROW LEVEL SECURITY"
    yield "CREATE POLICY in_sight ON public.document_content USING (public.content_in_sight(sha256))"


def case_guards() -> Iterator[str]:
    """Yield what keeps cases apart from trading, and their decision in two offices."""
    yield trigger("case_file", "step", "BEFORE INSERT OR UPDATE", "guard_case")
    yield at_commit("case_file", "whole", "INSERT OR UPDATE", "guard_case_whole")
    yield trigger("case_note", "in_case", "BEFORE INSERT", "guard_case_note")
    yield "ALTER TABLE public.case_file ENABLE ROW LEVEL SECURITY"
    yield "CREATE POLICY in_sight ON public.case_file USING (public.case_in_sight(office, signs, state))"
    for table in ("case_note", "case_receipt"):
        yield f"ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY"
        yield (
            f"CREATE POLICY in_sight ON public.{table} "
            "USING (EXISTS (SELECT FROM public.case_file c WHERE c.id = case_id))"
        )


def waits() -> Iterator[str]:
    """Yield the triggers by which nothing is written that nobody was asked to see to."""
    for table, kinds in WAITS_FOR.items():
        named = ", ".join(f"'{kind}'" for kind in kinds)
        yield at_commit(table, "waits", "INSERT", "guard_waits").removesuffix("()") + f"({named})"


def policy_guards() -> Iterator[str]:
    """Yield what keeps a change of the policy in three hands."""
    yield trigger("policy_draft", "step", "BEFORE INSERT OR UPDATE", "guard_policy_draft")
    yield at_commit("policy_draft", "approved", "UPDATE", "guard_policy_approved")
    yield at_commit("policy_draft", "hand", "INSERT", "guard_policy_hand")
    yield at_commit("policy_approval", "hand", "INSERT", "guard_policy_hand")


def organisation_guards() -> Iterator[str]:
    """Yield what keeps lines, roles and their holders apart, whoever writes them."""
    yield at_commit("reporting_line", "apart", "INSERT", "guard_line_apart")
    yield at_commit("membership", "apart", "INSERT", "guard_membership_apart")
    yield at_commit("person", "has_membership", "INSERT OR UPDATE OF unit_id", "guard_person_has_membership")
    yield at_commit("portfolio", "of_trading", "INSERT OR UPDATE OF desk_id", "guard_portfolio_of_trading")
    yield at_commit("account", "owner_apart", "UPDATE OF owner_id", "guard_owner_apart")
    yield at_commit("role_grant", "asked", "INSERT", "guard_grant_asked")
    yield at_commit("role_grant", "apart", "INSERT OR UPDATE OF state", "guard_roles_apart")
    for table in PEOPLE:
        yield (
            f"CREATE TRIGGER {table}_people_changed AFTER INSERT OR UPDATE OR DELETE ON public.{table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.people_changed()"
        )


def deputy_guards() -> Iterator[str]:
    """Yield the guards of who stands in for whom, of who is away, and of who supervises."""
    yield trigger("absence", "by_its_hands", "BEFORE INSERT OR UPDATE", "guard_absence")
    yield at_commit("absence", "hands", "UPDATE", "guard_absence_hands")
    yield at_commit("desk_receipt", "of_today", "INSERT", "guard_desk_receipt")
    yield trigger("delegation", "of_own_duties", "BEFORE INSERT OR UPDATE", "guard_delegation")
    yield at_commit("delegation", "approved", "UPDATE", "guard_delegation_approved")


def trigger(table: str, name: str, when: str, function: str) -> str:
    """Return a row trigger."""
    return f"CREATE TRIGGER {table}_{name} {when} ON public.{table} FOR EACH ROW EXECUTE FUNCTION public.{function}()"


def frozen_trigger(table: str, columns: tuple[str, ...]) -> str:
    """Return a trigger that refuses any change of these columns."""
    changed = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in columns)
    return (
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE ON public.{table} "
        f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION public.guard_append_only()"
    )


def entry_trigger(table: str, mutable: tuple[str, ...]) -> str:
    """Return a trigger that demands, at commit, that the row came in the transaction of its entry."""
    again = " OR UPDATE OF entry_id" if "entry_id" in mutable else ""
    return at_commit(table, "came_with_entry", f"INSERT{again}", "guard_came_with_entry")


def at_commit(table: str, name: str, when: str, function: str) -> str:
    """Return a row trigger that speaks at the end of the transaction."""
    return (
        f"CREATE CONSTRAINT TRIGGER {table}_{name} AFTER {when} ON public.{table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.{function}()"
    )
