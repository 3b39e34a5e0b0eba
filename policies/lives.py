"""The lives that the proof by history explores: what may happen to a subject, and what no one person does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policies.duties import (
    ASK,
    ATTEST,
    CONTROL,
    DECIDE,
    DELEGATION_DECIDE,
    ENTER,
    GRANT_DECIDE,
    PAY,
    PROPOSE,
    ROUTE,
    SIGN,
    STRIKE,
    TRANSFER_DECIDE,
)
from policies.vocabulary import Action

SENTENCE: Final = "ways for one person to enter and verify, confirm, settle or book the same trade"


@dataclass(frozen=True, slots=True)
class Goal:
    """No person ever does an act of ``left`` and one of ``right`` to the same subject, in any order."""

    sentence: str
    left: frozenset[Action]
    right: frozenset[Action]


@dataclass(frozen=True, slots=True)
class Life:
    """What may happen to one subject: one opening act, then the others in any order and number."""

    name: str
    opening: frozenset[Action]
    acts: frozenset[Action]
    goals: tuple[Goal, ...]


def _two_hands(name: str, opening: Iterable[Action], answering: Iterable[Action], sentence: str) -> Life:
    """The life of something that one person opens and another answers for."""
    left, right = frozenset(opening), frozenset(answering)
    return Life(name, left, right, (Goal(sentence, left, right),))


LIVES: Final = (
    _two_hands(
        "absence",
        {Action.ABSENCE_ACCEPT},
        {Action.ABSENCE_INTERRUPT},
        "ways for one person to stand in for a trader and call that trader back",
    ),
    _two_hands(
        "agreement",
        {Action.AGREEMENT_PROPOSE},
        {Action.AGREEMENT_CLEAR, Action.AGREEMENT_REFUSE},
        "ways for one person to file and decide the same agreement",
    ),
    _two_hands(
        "benchmark",
        {Action.BENCHMARK_PROPOSE},
        {Action.BENCHMARK_APPROVE, Action.BENCHMARK_REFUSE},
        "ways for one person to propose and decide the same tolerance or reference rate",
    ),
    _two_hands(
        "delegation",
        {Action.DELEGATION_REQUEST},
        DELEGATION_DECIDE,
        "ways for one person to ask that duties change hands and decide it",
    ),
    _two_hands(
        "desk rule",
        {Action.DESK_RULE_PROPOSE},
        {Action.DESK_RULE_APPROVE, Action.DESK_RULE_REFUSE},
        "ways for one person to propose and decide the same cut-off or mandate",
    ),
    _two_hands(
        "call-back",
        {Action.CALL_BACK_MAKE},
        {Action.CALL_BACK_CHECK},
        "ways for one person to call a counterparty and check the same call",
    ),
    Life(
        "grant",
        frozenset({Action.GRANT_REQUEST}),
        GRANT_DECIDE | {Action.GRANT_EXECUTE},
        (
            Goal(
                "ways for one person to request and decide or execute the same right",
                frozenset({Action.GRANT_REQUEST}),
                GRANT_DECIDE | {Action.GRANT_EXECUTE},
            ),
            Goal(
                "ways for one person to approve and execute the same right",
                frozenset({Action.GRANT_APPROVE}),
                frozenset({Action.GRANT_EXECUTE}),
            ),
        ),
    ),
    _two_hands(
        "limit",
        {Action.LIMIT_PROPOSE},
        {Action.LIMIT_VOTE},
        "ways for one person to propose the limit of a counterparty and vote on it",
    ),
    _two_hands(
        "market limit",
        {Action.MARKET_LIMIT_PROPOSE},
        {Action.MARKET_LIMIT_VOTE},
        "ways for one person to propose the limit of a book and vote on it",
    ),
    _two_hands(
        "organisation",
        {Action.ORGANISATION_PROPOSE},
        {Action.ORGANISATION_APPROVE, Action.ORGANISATION_REFUSE},
        "ways for one person to propose and decide the same change of the organisation",
    ),
    _two_hands(
        "policy",
        {Action.POLICY_DRAFT},
        {Action.POLICY_APPROVE},
        "ways for one person to draft and approve the same change of the policy",
    ),
    _two_hands(
        "proposal",
        PROPOSE,
        {Action.PROPOSAL_APPROVE, Action.PROPOSAL_REFUSE},
        "ways for one person to propose and decide the same master data",
    ),
    Life(
        "transfer",
        frozenset({Action.TRANSFER_REQUEST}),
        TRANSFER_DECIDE,
        (
            Goal(
                "ways for one person to ask for a transfer and prepare, judge or sign it",
                frozenset({Action.TRANSFER_REQUEST}),
                TRANSFER_DECIDE,
            ),
            Goal(
                "ways for one person to prepare and sign the same transfer",
                frozenset({Action.TRANSFER_PREPARE}),
                frozenset({Action.TRANSFER_RELEASE}),
            ),
        ),
    ),
    _two_hands(
        "substitute verification",
        {Action.SUBSTITUTE_PROPOSE},
        {Action.SUBSTITUTE_APPROVE, Action.SUBSTITUTE_REFUSE},
        "ways for one person to verify a deal in another way and agree to it",
    ),
    _two_hands(
        "inbound message",
        {Action.CONFIRMATION_RECEIVE, Action.INBOUND_SHARE},
        {Action.INBOUND_DISMISS},
        "ways for one person to take a message in, or ask trading about it, and put it aside",
    ),
    _two_hands(
        "recovery",
        {Action.RECOVERY_REQUEST},
        {Action.LOG_RECOVER},
        "ways for one person to ask for a recovery of the log and carry it out",
    ),
    _two_hands(
        "settlement rule",
        {Action.SETTLEMENT_RULE_PROPOSE},
        {Action.SETTLEMENT_RULE_APPROVE, Action.SETTLEMENT_RULE_REFUSE},
        "ways for one person to propose and decide the same line of the settlement tables",
    ),
    _two_hands(
        "rotation",
        {Action.ROTATION_REQUEST},
        {Action.ROTATION_APPROVE},
        "ways for one person to ask for a new key of the log and approve it",
    ),
    Life(
        "trader's absence",
        frozenset({Action.TRADE_CAPTURE}),
        CONTROL | {Action.ABSENCE_ACCEPT},
        (
            Goal(
                "ways for one person to stand in for a trader and control that trader's deals",
                frozenset({Action.ABSENCE_ACCEPT}),
                CONTROL,
            ),
        ),
    ),
    Life(
        "trade",
        STRIKE,
        (ENTER | CONTROL) - STRIKE,
        (
            Goal(
                "ways for one person to prepare and release the same payment",
                ROUTE,
                SIGN,
            ),
            Goal(
                "ways for one person to sign the same payment twice",
                SIGN - {Action.SETTLEMENT_COUNTERSIGN},
                frozenset({Action.SETTLEMENT_COUNTERSIGN}),
            ),
            Goal(
                "ways for one person to release a payment and attest its outcome",
                SIGN,
                ATTEST,
            ),
            Goal(
                "ways for one person to decide a change of a trade and move money for it",
                DECIDE,
                PAY,
            ),
            Goal(
                "ways for one person to ask for a change of a trade and decide it",
                ASK,
                DECIDE,
            ),
            Goal(
                "ways for one person to offer and accept the same internal deal",
                frozenset({Action.INTERNAL_OFFER}),
                frozenset({Action.INTERNAL_ACCEPT}),
            ),
            Goal(SENTENCE, ENTER, CONTROL),
        ),
    ),
)
