"""The kinds of work item: who opens them, which office must act, and whether its service account can."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from policies.vocabulary import Action, Office

FRONT, BACK, BOOKS = Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.ACCOUNTING


class Item(StrEnum):
    """What waits."""

    COMPLETE = "complete"
    CONFIRM = "confirm"
    CORRECT = "correct"
    DECIDE = "decide"
    DECIDE_PROPOSAL = "decide_proposal"
    DRAFT_CONFIRMATION = "draft_confirmation"
    GRANT_APPROVE = "grant_approve"
    GRANT_EXECUTE = "grant_execute"
    MATCH = "match"
    POST_SETTLEMENT = "post_settlement"
    POST_TRADE = "post_trade"
    PREPARE = "prepare"
    PROJECT = "project"
    RELEASE = "release"
    REVERSE = "reverse"
    UNWIND = "unwind"
    VERIFY = "verify"
    WITHDRAW_CONFIRMATION = "withdraw_confirmation"
    WITHDRAW_SETTLEMENT = "withdraw_settlement"


@dataclass(frozen=True, slots=True)
class Route:
    """Who opens an item, for which office, the act that finishes it, and how long it may wait."""

    opened_by: Office
    office: Office
    action: Action
    automatic: bool
    within: timedelta


MINUTES, HOURS = timedelta(minutes=30), timedelta(hours=4)
DAY = timedelta(days=1)

ROUTES: dict[Item, Route] = {
    Item.COMPLETE: Route(BACK, BACK, Action.SETTLEMENT_COMPLETE, automatic=False, within=DAY),
    Item.CONFIRM: Route(BACK, BACK, Action.CONFIRMATION_DISPATCH, automatic=False, within=HOURS),
    Item.CORRECT: Route(BACK, FRONT, Action.TRADE_RESUBMIT, automatic=False, within=MINUTES),
    Item.DECIDE: Route(FRONT, BACK, Action.REQUEST_APPROVE, automatic=False, within=HOURS),
    Item.DECIDE_PROPOSAL: Route(
        Office.MASTER_DATA, Office.MASTER_DATA, Action.PROPOSAL_APPROVE, automatic=False, within=DAY
    ),
    Item.DRAFT_CONFIRMATION: Route(BACK, BACK, Action.CONFIRMATION_DRAFT, automatic=True, within=MINUTES),
    Item.GRANT_APPROVE: Route(
        Office.ADMINISTRATION, Office.ADMINISTRATION, Action.GRANT_APPROVE, automatic=False, within=DAY
    ),
    Item.GRANT_EXECUTE: Route(
        Office.ADMINISTRATION, Office.ADMINISTRATION, Action.GRANT_EXECUTE, automatic=False, within=DAY
    ),
    Item.MATCH: Route(BACK, BACK, Action.CONFIRMATION_MATCH, automatic=False, within=DAY),
    Item.POST_SETTLEMENT: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.POST_TRADE: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.PREPARE: Route(BACK, BACK, Action.SETTLEMENT_PREPARE, automatic=False, within=HOURS),
    Item.PROJECT: Route(BACK, BACK, Action.SETTLEMENT_PROJECT, automatic=True, within=MINUTES),
    Item.RELEASE: Route(BACK, BACK, Action.SETTLEMENT_RELEASE, automatic=False, within=HOURS),
    Item.REVERSE: Route(BACK, BOOKS, Action.JOURNAL_REVERSE, automatic=True, within=HOURS),
    Item.UNWIND: Route(BACK, FRONT, Action.POSITION_UNWIND, automatic=True, within=MINUTES),
    Item.VERIFY: Route(FRONT, BACK, Action.TRADE_VERIFY, automatic=False, within=HOURS),
    Item.WITHDRAW_CONFIRMATION: Route(
        BACK, BACK, Action.CONFIRMATION_WITHDRAW, automatic=True, within=MINUTES
    ),
    Item.WITHDRAW_SETTLEMENT: Route(BACK, BACK, Action.SETTLEMENT_WITHDRAW, automatic=True, within=MINUTES),
}
