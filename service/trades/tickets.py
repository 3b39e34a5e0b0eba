"""What a trader fills in for each type of deal. Who, when, which number and which office are never said."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Union
from uuid import UUID

import msgspec

from service.attempt import Command
from service.kernel.money import AMOUNT_PATTERN
from service.kernel.texts import LINE_PATTERN, Name, Reason

Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3, description="ISO 4217.")]
Location = Annotated[
    Literal["premises", "home_office", "other"], msgspec.Meta(description="Where the deal was struck.")
]
Execution = Annotated[
    Literal["direct", "broker"], msgspec.Meta(description="Whether a broker brought the deal about.")
]
SideAgreements = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2000,
        pattern=LINE_PATTERN,
        description='What was agreed beyond these terms, in words; "none" where nothing was.',
    ),
]


class Ticket(Command, frozen=True, kw_only=True):
    """What every deal has."""

    trade_date: date
    counterparty: Annotated[str, msgspec.Meta(max_length=64, pattern=LINE_PATTERN, description="Id or LEI.")]
    portfolio: Annotated[Name, msgspec.Meta(description="Id or name.")]
    executed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    side_agreements: SideAgreements
    location: Location = "premises"
    execution: Execution = "direct"
    broker: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=64,
                pattern=LINE_PATTERN,
                description="Id or LEI; named if, and only if, a broker brought the deal about.",
            ),
        ]
        | None
    ) = None
    replaces: Annotated[
        UUID | None, msgspec.Meta(description="The cancelled deal that this one is booked for anew.")
    ] = None

    wanted: ClassVar[str]


class FxSpotTicket(Ticket, frozen=True, kw_only=True, tag_field="type", tag="fx_spot"):
    """A currency against another within the spot period."""

    side: Literal["buy", "sell"]
    base: Currency
    quote: Currency
    base_amount: Amount
    rate: Amount
    value_date: date

    wanted: ClassVar[str] = "fx_spot"


class FxForwardTicket(Ticket, frozen=True, kw_only=True, tag_field="type", tag="fx_forward"):
    """A currency against another on a later day; ``rate`` is the sum of spot rate and points."""

    side: Literal["buy", "sell"]
    base: Currency
    quote: Currency
    base_amount: Amount
    spot_rate: Amount
    forward_points: Amount
    rate: Amount
    value_date: date

    wanted: ClassVar[str] = "fx_forward"


class DepositTicket(Ticket, frozen=True, kw_only=True, tag_field="type", tag="mm_deposit"):
    """A sum we place and get back with interest."""

    currency: Currency
    principal: Amount
    rate_percent: Amount
    day_count: str
    start_date: date
    end_date: date

    wanted: ClassVar[str] = "mm_deposit"


class LoanTicket(Ticket, frozen=True, kw_only=True, tag_field="type", tag="mm_loan"):
    """A sum we take and give back with interest."""

    currency: Currency
    principal: Amount
    rate_percent: Amount
    day_count: str
    start_date: date
    end_date: date

    wanted: ClassVar[str] = "mm_loan"


TICKETS = (FxSpotTicket, FxForwardTicket, DepositTicket, LoanTicket)
CaptureTrade = FxSpotTicket | FxForwardTicket | DepositTicket | LoanTicket


def each_with(prefix: str, **fields: Any) -> Any:
    """Return the union of all tickets with further fields beside their own."""
    kinds = tuple(
        msgspec.defstruct(
            f"{prefix}{ticket.__name__.removesuffix('Ticket')}",
            list(fields.items()),
            bases=(ticket,),
            namespace={"__doc__": ticket.__doc__},
            module=__name__,
            frozen=True,
            kw_only=True,
            tag_field="type",
            tag=ticket.wanted,
        )
        for ticket in TICKETS
    )
    return Union[kinds]  # noqa: UP007  # of a tuple made at run time


CorrectedTerms = each_with("Corrected", version=int)
"""The whole deal anew, and the version the trader saw."""
ResubmitTrade = each_with("Resubmit", trade_id=UUID, version=int)
"""The trader corrects a returned deal."""
AmendedTerms = each_with("Amended", version=int, reason=Reason)
"""The whole deal as it shall be, the version the trader saw, and why it changes."""
RequestAmendment = each_with("RequestAmendmentOf", trade_id=UUID, version=int, reason=Reason)
"""Trading asks the back office to change a deal."""
