"""What a bank's word means for a payment: noted, settled, in part, failed, come back - or a person must look. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from service.settlement.lifecycle import SettlementState

Effect = Literal["noted", "settled", "part", "failed", "returned"]

ACCEPTED: Final = frozenset({"ACCC", "ACCP", "ACFC", "ACSC", "ACSP", "ACTC", "ACWC", "ACWP", "PDNG", "RCVD"})
"""ISO 20022, ExternalPaymentTransactionStatus1Code: on its way. That money moved is told by the account alone."""
REJECTED: Final = "RJCT"
BOOKED: Final = "BOOK"
NOT_YET: Final = frozenset({"FUTR", "INFO", "PDNG"})
"""ISO 20022, ExternalEntryStatus1Code: not on the account yet."""
OPEN: Final = (SettlementState.RELEASED, SettlementState.PARTIAL)
BIC_CHARACTERS: Final = 8
"""Without the branch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a person must look: a code, the field it is about, and the sentence."""

    code: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a bank says. ``credit`` None: it speaks of the message and not of the account."""

    sender: str
    code: str
    reasons: tuple[str, ...] = ()
    additional: str | None = None
    account: str | None = None
    currency: str | None = None
    amount: Decimal | None = None
    credit: bool | None = None
    servicer_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The payment it is about. ``amount`` positive: we receive. ``sent``: None where no message of ours goes out."""

    state: SettlementState
    currency: str
    amount: Decimal
    paid: Decimal
    pay_on: date
    bank: str | None
    account: str | None
    sent: bool | None = None
    newest: bool = True


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of the payment; ``amount`` of a part, ``code`` and ``reason`` of what failed or came back."""

    effect: Effect
    amount: Decimal | None = None
    code: str | None = None
    reason: str | None = None


def fate(
    word: Word, target: Target, today: date, *, repeated: bool, codes: Collection[str]
) -> Fate | Finding:
    """Say what a bank's word does to the payment it names.

    ``repeated``: the same entry counted before. ``codes``: the reason codes of the settlement tables.
    """
    wrong = first(
        (
            target.bank is None or not same_bank(word.sender, target.bank),
            Finding("other_sender", "sender", f"{word.sender} does not keep the account of this payment."),
        ),
        (
            target.sent is False,
            Finding("never_sent", "EndToEndId", "The message it speaks of never left this house."),
        ),
        (
            not target.newest,
            Finding("superseded", "EndToEndId", "The payment was ordered anew under another name since."),
        ),
    )
    if wrong is not None:
        return wrong
    if word.credit is None:
        return of_message(word, target, codes)
    return of_account(word, target, today, repeated=repeated)


def first(*checks: tuple[bool, Finding]) -> Finding | None:
    """Return the first finding that is true, or None."""
    return next((finding for true, finding in checks if true), None)


def of_message(word: Word, target: Target, codes: Collection[str]) -> Fate | Finding:
    """Judge the status of a message: on its way, or refused for a reason."""
    if word.code in ACCEPTED:
        return Fate("noted")
    if word.code != REJECTED:
        return Finding("unknown_code", "TxSts", f"{word.code} is no status that is known here.")
    if target.state not in OPEN:
        return Finding("state", "TxSts", f"It is rejected, but the leg is {target.state}.")
    known = next((code for code in word.reasons if code in codes), None)
    said = " ".join((*word.reasons, *((word.additional,) if word.additional else ())))
    return Fate("failed", code=known, reason=f"rejected by {word.sender}: {said or 'without a reason'}"[:300])


def of_account(word: Word, target: Target, today: date, *, repeated: bool) -> Fate | Finding:
    """Judge an entry: on the payment's account, in its currency, booked, and for the first time."""
    wrong = first(
        (
            word.account != target.account,
            Finding("other_account", "Acct", "The entry is on another account than the payment's."),
        ),
        (
            word.currency != target.currency,
            Finding("currency", "Amt", f"{word.currency} moved; the payment is in {target.currency}."),
        ),
    )
    if wrong is None and word.code in NOT_YET:
        return Fate("noted")
    wrong = wrong or first(
        (
            word.code != BOOKED,
            Finding("unknown_code", "Sts", f"{word.code} is no status of an entry that is known here."),
        ),
        (repeated, Finding("duplicate", "AcctSvcrRef", "The same entry was counted before.")),
    )
    if wrong is not None:
        return wrong
    assert word.amount is not None, "an entry without an amount is found before"
    if word.credit is (target.amount > 0):
        return as_ordered(word, word.amount, target, today)
    return back(word, word.amount, target)


def as_ordered(word: Word, moved: Decimal, target: Target, today: date) -> Fate | Finding:
    """Judge money that moved our way of it: all that was missing, or a part, never more and never early."""
    missing = abs(target.amount) - target.paid
    wrong = first(
        (
            target.state is SettlementState.SETTLED,
            Finding("duplicate", "EndToEndId", "The leg has settled before; this is money once more."),
        ),
        (
            target.state not in OPEN,
            Finding("state", "Sts", f"Money moved, but the leg is {target.state}."),
        ),
        (
            today < target.pay_on,
            Finding("before_value_date", "BookgDt", f"The leg is to be paid on {target.pay_on} only."),
        ),
        (
            moved > missing,
            Finding("amount", "Amt", f"{moved} moved; only {missing} {target.currency} are missing."),
        ),
        (
            moved < missing and word.servicer_reference is None,
            Finding(
                "no_reference", "AcctSvcrRef", "A part without the bank's reference could be counted twice."
            ),
        ),
        (moved == 0, Finding("amount", "Amt", "Nothing moved.")),
    )
    if wrong is not None:
        return wrong
    return Fate("settled") if moved == missing else Fate("part", amount=moved)


def back(word: Word, moved: Decimal, target: Target) -> Fate | Finding:
    """Judge money that moved the other way: all of it came back, or a person looks."""
    had_moved = target.paid or abs(target.amount)
    wrong = first(
        (
            target.state not in (*OPEN, SettlementState.SETTLED),
            Finding("state", "CdtDbtInd", f"Money came back, but the leg is {target.state}."),
        ),
        (moved != had_moved, Finding("amount", "Amt", f"{moved} came back; {had_moved} had moved.")),
    )
    reason = f"the account of {word.sender} shows that the money came back"
    return wrong or Fate("returned", reason=reason)


def same_bank(sender: str, bank: str) -> bool:
    """Tell whether two BICs are of one bank, whatever the branch."""
    return sender.upper()[:BIC_CHARACTERS] == bank.upper()[:BIC_CHARACTERS]
