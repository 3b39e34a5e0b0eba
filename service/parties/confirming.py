"""How deals are confirmed with a counterparty, as master data keeps it: what may stand there, and what comes of it."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from service.kernel.money import AMOUNT_PATTERN, plain
from service.kernel.texts import LINE_PATTERN
from service.parties.model import ConfirmationChannel, MatchTolerance, Proposal

Format = Literal["swift", "fpml", "letter"]
Medium = Literal["file", "mail"]
Speech = Literal["de", "en"]
PartyClass = Literal["financial", "non_financial_plus", "non_financial"]
Sender = Annotated[str, msgspec.Meta(min_length=3, max_length=120, pattern=r"\A[A-Za-z0-9@._+-]+\Z")]
CallBack = Annotated[str, msgspec.Meta(min_length=5, max_length=40, pattern=r"\A\+[0-9][0-9 ]*[0-9]\Z")]
Days = Annotated[int, msgspec.Meta(ge=2, le=30)]
Clause = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=LINE_PATTERN)]
Tolerance = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN)]

MAIL: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}")
RATES_MAX: Final = Decimal("0.0001")
AMOUNTS_MAX: Final = Decimal("0.05")
"""A difference that rounding can explain; anything larger is another deal."""


def is_address(medium: Medium, address: str) -> bool:
    """Tell whether a message can go there: a mail address, or the plain name of a folder."""
    return (MAIL if medium == "mail" else FOLDER).fullmatch(address) is not None


def confirming(proposal: Proposal) -> ConfirmationChannel | MatchTolerance:
    """Return the row that a proposal about confirming asks for."""
    terms = proposal.payload
    match proposal.object_kind:
        case ConfirmationChannel.__tablename__:
            agreement = terms.get("agreement_id")
            return ConfirmationChannel(
                id=proposal.object_id,
                counterparty_id=UUID(terms["counterparty_id"]),
                format=terms["format"],
                medium=terms["medium"],
                address=terms["address"],
                senders=terms["senders"],
                language=terms["language"],
                party_class=terms["party_class"],
                call_back=terms["call_back"],
                long_form=terms["long_form"],
                deemed_days=terms.get("deemed_days"),
                deemed_clause=terms.get("deemed_clause"),
                agreement_id=None if agreement is None else UUID(agreement),
                proposal_id=proposal.id,
            )
        case MatchTolerance.__tablename__:
            return MatchTolerance(
                id=proposal.object_id,
                number=terms["number"],
                rates=Decimal(terms["rates"]),
                amounts=Decimal(terms["amounts"]),
                proposal_id=proposal.id,
            )
    raise AssertionError(proposal.object_kind)


def within_reason(rates: str, amounts: str) -> bool:
    """Tell whether a tolerance still tells one deal from another."""
    return 0 <= Decimal(rates) <= RATES_MAX and 0 <= Decimal(amounts) <= AMOUNTS_MAX


def channel_view(row: ConfirmationChannel) -> dict[str, object]:
    """Return a confirmation channel as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "counterparty": str(row.counterparty_id),
        "format": row.format,
        "medium": row.medium,
        "address": row.address,
        "senders": list(row.senders),
        "language": row.language,
        "party_class": row.party_class,
        "call_back": row.call_back,
        "long_form": row.long_form,
        "deemed_days": row.deemed_days,
        "deemed_clause": row.deemed_clause,
        "agreement": None if row.agreement_id is None else str(row.agreement_id),
        "proposal": str(row.proposal_id),
    }


def tolerance_view(row: MatchTolerance) -> dict[str, object]:
    """Return a tolerance as answers show it."""
    facts = {"id": str(row.id), "version": row.rev, "number": row.number, "proposal": str(row.proposal_id)}
    return facts | {"rates": plain(row.rates), "amounts": plain(row.amounts)}
