"""The database gives each office's login what its acts need and keeps from it what it may not see."""

import pytest

from policies.grants import effect_kinds, statements, table_grants
from policies.policy import Policy
from policies.tables import Verb
from policies.vocabulary import READS, Action, Office

NO_TABLE = {
    "log.backup log.genesis log.heartbeat log.restart policy.publish schema.publish session.noise": "the log's service has rights of its own",
    "escalation.answer escalation.lead handover.accept handover.offer handover.return work.escalate work.leave work.take": "owner-defined functions",
    "session.open session.close session.end password.change password.reset": "owner-defined functions",
    "explanation.read": "owner-defined functions",
    "power.read log.read": "the policy in memory, and files",
    "dead_end.close": "closes an item and says why",
    "conflict.close": "closes an item and says why",
    "session.review": "closes an item and says why",
    "right.check": "owner-defined functions find the conflicts and end the sessions",
    "log.check": "what compliance's own exports of evidence read",
}
BY_EVERY_OFFICE = {"delegation"}
SHARED = {
    "absence": (
        {Office.FRONT_OFFICE: {Verb.INSERT, Verb.UPDATE}, Office.COMPLIANCE: {Verb.UPDATE}},
        "trading plans and accepts; guard_absence lets compliance interrupt what runs and do nothing else",
    ),
    "absence_review": (
        {Office.COMPLIANCE: {Verb.INSERT}, Office.RISK_CONTROL: {Verb.INSERT}},
        "each of the two finds for itself, and a finding is never changed",
    ),
    "agreement": (
        {Office.MASTER_DATA: {Verb.INSERT}, Office.LEGAL: {Verb.UPDATE}},
        "master data files it, legal clears it or not and changes nothing else of it",
    ),
    "alert_review": (
        {Office.BACK_OFFICE: {Verb.INSERT}, Office.COMPLIANCE: {Verb.INSERT}},
        "each of the two finds for itself, and a finding is never changed",
    ),
    "case_file": (
        {
            office: {Verb.INSERT, Verb.UPDATE}
            for office in (Office.BACK_OFFICE, Office.COMPLIANCE, Office.RISK_CONTROL)
        },
        "each leads its own and signs another's: guard_case keeps each to its step, and no row is seen by others",
    ),
    "case_note": (
        {office: {Verb.INSERT} for office in (Office.BACK_OFFICE, Office.COMPLIANCE, Office.RISK_CONTROL)},
        "each notes in the cases it sees, and a note is never changed: guard_case_note",
    ),
    "delegation": (
        {office: {Verb.INSERT, Verb.UPDATE} for office in Office if office is not Office.LOG},
        "every office asks for deputies of its own and ends them; guard_delegation lets administration alone approve",
    ),
    "document": (
        {
            Office.BACK_OFFICE: {Verb.INSERT},
            Office.MASTER_DATA: {Verb.INSERT},
            Office.RISK_CONTROL: {Verb.INSERT},
            Office.COMPLIANCE: {Verb.INSERT},
            Office.LEGAL: {Verb.INSERT},
        },
        "each files its own papers and changes none: guard_document",
    ),
    "limit_vote": (
        {Office.CREDIT: {Verb.INSERT}, Office.RISK_CONTROL: {Verb.INSERT}},
        "each votes on its own limits: guard_limit_vote refuses a vote of the other office",
    ),
    "policy_draft": (
        {Office.COMPLIANCE: {Verb.INSERT}, Office.RISK_CONTROL: {Verb.UPDATE}},
        "compliance drafts, risk control decides: guard_policy_draft keeps each to its step",
    ),
    "role_grant": (
        {
            Office.ADMINISTRATION: {Verb.INSERT, Verb.UPDATE},
            Office.FRONT_OFFICE: {Verb.INSERT},
            Office.RISK_CONTROL: {Verb.INSERT},
            Office.MANAGEMENT: {Verb.INSERT},
        },
        "guard_grant_asked lets managers ask for the own people; administration alone takes it further",
    ),
    "trading_limit": (
        {
            Office.FRONT_OFFICE: {Verb.INSERT},
            Office.CREDIT: {Verb.INSERT, Verb.UPDATE},
            Office.RISK_CONTROL: {Verb.INSERT, Verb.UPDATE},
        },
        "three may wish for one; guard_limit_proposed keeps a wish a wish, guard_limit_voted its state to the votes",
    ),
    "transfer_review": (
        {Office.ACCOUNTING: {Verb.INSERT}, Office.RISK_CONTROL: {Verb.INSERT}},
        "each of the two judges for itself, and a judgement is never changed",
    ),
}


def may(policy: Policy, office: Office, verb: Verb) -> dict[str, tuple[str, ...]]:
    return {grant.table: grant.columns for grant in table_grants(policy)[office] if grant.verb is verb}


def tables(policy: Policy, office: Office, *verbs: Verb) -> set[str]:
    return {table for verb in verbs for table in may(policy, office, verb)}


def test_every_act_has_its_tables_or_needs_none(policy: Policy) -> None:
    without = {act for acts in NO_TABLE for act in acts.split()}
    assert {row.action.value for row in policy.table_rows} == {action.value for action in Action} - without


@pytest.mark.parametrize("office", [office for office in Office if office != Office.ADMINISTRATION])
def test_no_office_touches_what_belongs_to_administration(policy: Policy, office: Office) -> None:
    asks = {Office.FRONT_OFFICE, Office.RISK_CONTROL, Office.MANAGEMENT}  # managers, for the own people
    requests = {"role_grant"} if office in asks else set()
    own = {"person", "account", "role_grant", "unit"}
    assert tables(policy, office, Verb.INSERT) & own == requests
    assert not tables(policy, office, Verb.UPDATE) & own


def test_no_table_is_written_by_two_offices_but_those_listed_with_their_reason(policy: Policy) -> None:
    writers: dict[str, dict[Office, set[Verb]]] = {}
    for office in Office:
        for verb in (Verb.INSERT, Verb.UPDATE):
            for table in tables(policy, office, verb):
                writers.setdefault(table, {}).setdefault(office, set()).add(verb)

    several = {table: offices for table, offices in writers.items() if len(offices) > 1}
    assert several == {table: offices for table, (offices, _) in SHARED.items()}


@pytest.mark.parametrize("table", sorted(SHARED))
def test_of_a_shared_table_nobody_rewrites_more_than_the_state(policy: Policy, table: str) -> None:
    columns = {column for office in Office for column in may(policy, office, Verb.UPDATE).get(table, ())}
    more = {"answer", "answered_by", "decided_by", "decision", "outcome", "owner_id"}  # guard_case: by whom
    allowed = {"state", "rev", "reason", "decided_at", "interrupted_on"}
    assert columns <= (allowed | more if table == "case_file" else allowed)


@pytest.mark.parametrize(
    "hidden", ["instruction", "journal", "journal_line", "proposal", "session", "credential"]
)
def test_the_front_office_does_not_see(policy: Policy, hidden: str) -> None:
    assert hidden not in may(policy, Office.FRONT_OFFICE, Verb.SELECT)


def test_the_front_office_sees_states_and_not_the_other_side(policy: Policy) -> None:
    seen = may(policy, Office.FRONT_OFFICE, Verb.SELECT)
    assert set(seen["confirmation"]).isdisjoint({"counter", "counter_at", "breaks", "ours"})
    assert set(seen["settlement"]).isdisjoint({"instruction_id", "prepared_by", "released_by", "failure"})
    assert {"state", "rev", "trade_id"} <= set(seen["confirmation"]) & set(seen["settlement"])


def test_the_front_office_writes_its_own_books_alone(policy: Policy) -> None:
    assert tables(policy, Office.FRONT_OFFICE, Verb.INSERT) == {
        "trade",
        "trade_version",
        "position_movement",
        "change_request",
        "trading_limit",  # a wish that others vote on
        "transfer",  # a request that others check and sign
        *BY_EVERY_OFFICE,
        "alleged_answer",  # whether it knows a deal that another bank alleges
        "forwarded_confirmation",  # what came to the wrong place and closes nothing
        "absence",  # that the own people are kept out
        "role_grant",  # a request of a head for the own people, which two others decide
        "desk_receipt",  # that a desk's supervisor read what risk control told of it
    }
    assert may(policy, Office.FRONT_OFFICE, Verb.UPDATE) == {
        "absence": ("state", "rev", "interrupted_on"),
        "delegation": ("state", "rev"),
        "trade": ("version", "terms_digest", "rev"),
    }


def test_the_terms_of_a_trade_are_never_updated(policy: Policy) -> None:
    insert_only = {
        "document",
        "absence_review",
        "alert_review",
        "alleged_answer",
        "case_note",
        "case_receipt",
        "forwarded_confirmation",
        "policy_approval",
        "policy_text",
        "trade_version",
        "position_movement",
        "journal",
        "journal_line",
        "excess",
        "fixing_set",
        "justification",
        "limit_reservation",
        "limit_vote",
        "market_check",
        "notice",
        "premises_report",
        "request_decision",
        "transfer",
        "transfer_review",
        "transfer_signature",
    }
    for office in Office:
        assert insert_only.isdisjoint(may(policy, office, Verb.UPDATE))


@pytest.mark.parametrize(
    ("office", "own"),
    [
        (Office.INTERNAL_AUDIT, {"case_receipt"}),
        (Office.LEGAL, {"agreement", "document"}),
        (Office.LOG, set()),
        (Office.MANAGEMENT, {"notice", "role_grant"}),
    ],
)
def test_offices_beside_the_business_change_nothing_of_it(
    policy: Policy, office: Office, own: set[str]
) -> None:
    common = BY_EVERY_OFFICE if office is not Office.LOG else set()
    assert tables(policy, office, Verb.INSERT, Verb.UPDATE) == own | common
    assert effect_kinds(policy)[office] == own | common


def test_compliance_files_papers_drafts_the_policy_and_changes_nothing_but_what_its_custodians_do_for_the_log(
    policy: Policy,
) -> None:
    of_the_log = {"key_rotation", "lagging_row", "recovery"} | BY_EVERY_OFFICE
    papers = {"document", "absence", "absence_review", "alert_review", "policy_draft", "policy_text"}
    papers |= {"case_file", "case_note"}
    assert tables(policy, Office.COMPLIANCE, Verb.INSERT, Verb.UPDATE) == of_the_log | papers
    assert effect_kinds(policy)[Office.COMPLIANCE] == of_the_log | papers


@pytest.mark.parametrize("office", [Office.COMPLIANCE, Office.INTERNAL_AUDIT])
def test_oversight_reads_every_business_table_whole(policy: Policy, office: Office) -> None:
    seen = may(policy, office, Verb.SELECT)
    written = {row.table for row in policy.table_rows}
    assert {table for table in written if seen.get(table) != ()} == set()


def test_the_logs_own_login_has_no_business_table(policy: Policy) -> None:
    assert table_grants(policy)[Office.LOG] == []


def test_whoever_writes_a_table_reads_it(policy: Policy) -> None:
    for office in Office:
        reads = set(may(policy, office, Verb.SELECT))
        assert tables(policy, office, Verb.INSERT, Verb.UPDATE) <= reads


def test_columns_of_several_acts_add_up(policy: Policy) -> None:
    assert set(may(policy, Office.BACK_OFFICE, Verb.UPDATE)["settlement"]) == {
        *(
            "state",
            "rev",
            "instruction_id",
            "selection",
            "deviation",
            "net_id",
            "prepared_by",
            "signed_by",
            "released_by",
        ),
        *("settled_on", "paid", "pay_on", "hold_reason", "failure", "failure_code"),
    }


def test_a_whole_table_outweighs_its_columns(policy: Policy) -> None:
    assert may(policy, Office.BACK_OFFICE, Verb.SELECT)["confirmation"] == ()
    assert may(policy, Office.ADMINISTRATION, Verb.SELECT)["account"] == ()


def test_effects_are_of_the_tables_an_office_writes(policy: Policy) -> None:
    kinds = effect_kinds(policy)
    for office in Office:
        assert kinds[office] == tables(policy, office, Verb.INSERT, Verb.UPDATE)
    assert kinds[Office.CREDIT] == {"limit_vote", "trading_limit"} | BY_EVERY_OFFICE


def test_a_read_never_lets_an_office_write(policy: Policy) -> None:
    assert {row.verb for row in policy.table_rows if row.action in READS} == {Verb.SELECT}


def test_the_sql_names_login_table_and_columns(policy: Policy) -> None:
    sql = list(statements(policy, "bank"))
    assert 'GRANT UPDATE (version, terms_digest, rev) ON public.trade TO "bank_front_office";' in sql
    assert 'GRANT INSERT ON public.settlement TO "bank_back_office";' in sql
    assert len(sql) == sum(len(grants) for grants in table_grants(policy).values()) == len(set(sql))
