"""What a confirmation says about a deal, whatever the format: always as its sender sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from service.kernel.errors import Malformed, Unprocessable
from service.kernel.identifiers import InvalidIdentifier, check_bic, check_lei
from service.kernel.money import ARITHMETIC, Money, TooManyDecimals, UnknownCurrency, check_decimals

BYTES_MAX: Final = 10 * 1_048_576
"""No message is larger, in or out."""

TEXT_CHARACTERS_MAX: Final = 2_000
REFERENCE_CHARACTERS_MAX: Final = 60
NAME_CHARACTERS_MAX: Final = 140
_BIC_BANK: Final = 8


class Unreadable(Malformed):
    """400. The message cannot be read: ``field`` names where (a tag, an element), ``reason`` why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field)
        self.reason = reason


class Unwritable(Unprocessable):
    """422. The format has no place for what must be said; another one has."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field)
        self.reason = reason


class InvalidTerms(ValueError):
    """The terms contradict themselves; ``field`` is the one that is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Product(StrEnum):
    """What is dealt; a deposit is placed by the sender, a loan is taken by the sender."""

    FX_SPOT = "fx_spot"
    FX_FORWARD = "fx_forward"
    MM_DEPOSIT = "mm_deposit"
    MM_LOAN = "mm_loan"

    @property
    def exchange(self) -> bool:
        """Whether two currencies change hands."""
        return self in {Product.FX_SPOT, Product.FX_FORWARD}


class Operation(StrEnum):
    """What the message does to those before it."""

    NEW = "new"
    AMEND = "amend"
    CANCEL = "cancel"


class Form(StrEnum):
    """Whether this is the whole contract, or the essential data ahead of it (SET-08)."""

    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyId:
    """Somebody named by LEI, BIC or name: one of them at least."""

    lei: str | None = None
    bic: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """Raise InvalidTerms."""
        if self.lei is None and self.bic is None and self.name is None:
            raise InvalidTerms("party", "a party needs an LEI, a BIC or a name")
        try:
            if self.lei is not None:
                check_lei(self.lei)
            if self.bic is not None:
                check_bic(self.bic)
        except InvalidIdentifier as invalid:
            raise InvalidTerms("party", str(invalid)) from invalid
        _short("name", self.name, NAME_CHARACTERS_MAX)

    def __str__(self) -> str:
        """Say who it is, best name first."""
        return self.name or self.bic or self.lei or ""

    def agrees(self, other: "PartyId") -> bool:
        """Tell whether both name the same: the LEI decides, then the bank of the BIC; a name alone never does."""
        if self.lei is not None and other.lei is not None:
            return self.lei == other.lei
        if self.bic is not None and other.bic is not None:
            return self.bic[:_BIC_BANK] == other.bic[:_BIC_BANK]
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAccount:
    """Where one side wants to be paid: the bank that keeps the account, and its number there."""

    bic: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        """Raise InvalidTerms."""
        if self.bic is None and self.account is None:
            raise InvalidTerms("account", "an account needs a bank or a number")
        try:
            if self.bic is not None:
                check_bic(self.bic)
        except InvalidIdentifier as invalid:
            raise InvalidTerms("account", str(invalid)) from invalid
        _short("account", self.account, 34)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedTerms:
    """A deal as one side confirms it: ``party`` is the sender, ``bought`` is what the sender receives.

    An FX deal has value date, bought, sold and rate; a deposit or loan has start, maturity, principal,
    rate in per cent a year and day count. ``interest`` is positive where the lender receives it.
    What is None, the message does not say.
    """

    product: Product
    our_reference: str
    party: PartyId
    counterparty: PartyId
    trade_date: date
    operation: Operation = Operation.NEW
    previous_reference: str | None = None
    """The sender's reference of the message that this one amends or cancels."""
    their_reference: str | None = None
    value_date: date | None = None
    start_date: date | None = None
    maturity_date: date | None = None
    bought: Money | None = None
    sold: Money | None = None
    rate: Decimal | None = None
    spot_rate: Decimal | None = None
    forward_points: Decimal | None = None
    """In units of the rate: rate less spot rate."""
    principal: Money | None = None
    interest: Money | None = None
    rate_percent: Decimal | None = None
    day_count: str | None = None
    """By the names of a ticket: ACT/360, ACT/365, ACT/ACT, 30/360, 30E/360."""
    broker: PartyId | None = None
    our_account: SettlementAccount | None = None
    """Where the sender is paid what it receives (a loan's principal, a deposit's repayment)."""
    their_account: SettlementAccount | None = None
    """Where the other side is to be paid."""
    form: Form = Form.LONG
    off_market_clause: str | None = None
    """How a deal off the market is disclosed (BTO 2.2.1 Tz. 2, TRD-05)."""
    side_agreement: str | None = None
    remarks: tuple[str, ...] = field(default=(), compare=False)
    """What the reader noticed: deviations from the format that leave the terms clear."""

    def __post_init__(self) -> None:
        """Raise InvalidTerms."""
        _reference("our_reference", self.our_reference)
        for name in ("previous_reference", "their_reference"):
            said = getattr(self, name)
            if said is not None:
                _reference(name, said)
        _short("off_market_clause", self.off_market_clause, TEXT_CHARACTERS_MAX)
        _short("side_agreement", self.side_agreement, TEXT_CHARACTERS_MAX)
        if self.operation is not Operation.NEW and self.previous_reference is None:
            raise InvalidTerms(
                "previous_reference", "missing: an amendment or cancellation names what it changes"
            )
        if self.party.agrees(self.counterparty):
            raise InvalidTerms("counterparty", "both sides of the deal are the same")
        if self.product.exchange:
            self._check_exchange()
        else:
            self._check_money_market()

    def _check_exchange(self) -> None:
        for name in ("value_date", "bought", "sold", "rate"):
            _there(name, getattr(self, name))
        for name in ("start_date", "maturity_date", "principal", "interest", "rate_percent", "day_count"):
            _absent(name, getattr(self, name), "an exchange of currencies")
        assert self.bought is not None
        assert self.sold is not None
        assert self.rate is not None
        _positive_money("bought", self.bought)
        _positive_money("sold", self.sold)
        if self.bought.currency == self.sold.currency:
            raise InvalidTerms("sold", f"both amounts are in {self.sold.currency}")
        _positive("rate", self.rate)
        if self.spot_rate is not None:
            _positive("spot_rate", self.spot_rate)
            if self.forward_points is not None and self.spot_rate + self.forward_points != self.rate:
                raise InvalidTerms("forward_points", "spot rate and points do not make the rate")

    def _check_money_market(self) -> None:
        for name in ("start_date", "maturity_date", "principal", "rate_percent", "day_count"):
            _there(name, getattr(self, name))
        for name in ("value_date", "bought", "sold", "rate", "spot_rate", "forward_points"):
            _absent(name, getattr(self, name), "a deposit or loan")
        assert self.start_date is not None
        assert self.maturity_date is not None
        assert self.principal is not None
        assert self.rate_percent is not None
        _positive_money("principal", self.principal)
        if self.maturity_date <= self.start_date:
            raise InvalidTerms(
                "maturity_date", f"{self.maturity_date} is not after the start {self.start_date}"
            )
        if self.interest is not None:
            _money("interest", self.interest)
            if self.interest.currency != self.principal.currency:
                raise InvalidTerms(
                    "interest", f"{self.interest.currency} is not the currency of the principal"
                )
            if self.interest.amount * self.rate_percent < 0:
                raise InvalidTerms("interest", "its sign is not that of the rate")

    @property
    def quoted(self) -> tuple[str, str]:
        """Base and quote currency of ``rate`` (units of quote for one base), told by the amounts.

        Where the amounts fit both ways (a rate of 1), the usual order of the market decides.
        """
        assert self.bought is not None
        assert self.sold is not None
        assert self.rate is not None
        rate = self.rate

        def unlikely(way: tuple[Money, Money]) -> tuple[Decimal, int]:
            return _apart(way[0], way[1], rate), _rank(way[0].currency)

        base, quote = min([(self.bought, self.sold), (self.sold, self.bought)], key=unlikely)
        return base.currency, quote.currency


_USUAL_BASES: Final = ("EUR", "GBP", "AUD", "NZD", "USD")


def _rank(currency: str) -> int:
    return _USUAL_BASES.index(currency) if currency in _USUAL_BASES else len(_USUAL_BASES)


def _apart(base: Money, quote: Money, rate: Decimal) -> Decimal:
    """Tell how far the quote amount lies from what base and rate make of it, as a share of it."""
    worth = ARITHMETIC.multiply(base.amount, rate)
    share = ARITHMETIC.divide(abs(ARITHMETIC.subtract(worth, quote.amount)), quote.amount)
    return round(share, 12)


_TURNED: Final = {Product.MM_DEPOSIT: Product.MM_LOAN, Product.MM_LOAN: Product.MM_DEPOSIT}


def as_the_other_sees(terms: ConfirmedTerms) -> ConfirmedTerms:
    """Turn the terms round: what one side buys the other sells. Twice gives them back, but for what is lost.

    Whoever answers has a reference of its own, so each side's reference takes the other's place; a message
    that does not say the other reference is answered under its own.
    """
    return replace(
        terms,
        product=_TURNED.get(terms.product, terms.product),
        our_reference=terms.their_reference or terms.our_reference,
        their_reference=terms.our_reference,
        party=terms.counterparty,
        counterparty=terms.party,
        bought=terms.sold,
        sold=terms.bought,
        our_account=terms.their_account,
        their_account=terms.our_account,
    )


def told(terms: ConfirmedTerms) -> Iterator[tuple[str, str]]:
    """Yield name and text of everything the terms say, in a fixed order: for people and for hashes."""
    for name in ConfirmedTerms.__dataclass_fields__:
        said = getattr(terms, name)
        if said is not None and said != () and name != "remarks":
            yield from _told(name, said)


def _told(name: str, said: object) -> Iterator[tuple[str, str]]:
    match said:
        case PartyId():
            yield from (
                (f"{name}.{part}", text) for part in ("lei", "bic", "name") if (text := getattr(said, part))
            )
        case SettlementAccount():
            yield from (
                (f"{name}.{part}", text) for part in ("bic", "account") if (text := getattr(said, part))
            )
        case Money():
            yield name, f"{said.amount:f} {said.currency}"
        case Decimal():
            yield name, f"{said:f}"
        case _:
            yield name, str(said)


def _there(name: str, said: object) -> None:
    if said is None:
        raise InvalidTerms(name, "missing")


def _absent(name: str, said: object, what: str) -> None:
    if said is not None:
        raise InvalidTerms(name, f"{what} has none")


def _short(name: str, said: str | None, characters_max: int) -> None:
    if said is None:
        return
    if not said.strip() or len(said) > characters_max:
        raise InvalidTerms(name, f"must have 1 to {characters_max} characters")
    if not said.isprintable():
        raise InvalidTerms(name, "holds a control character")


def _reference(name: str, said: str) -> None:
    _short(name, said, REFERENCE_CHARACTERS_MAX)
    if said != said.strip():
        raise InvalidTerms(name, "begins or ends with a blank")


def _money(name: str, money: Money) -> None:
    if not money.amount.is_finite():
        raise InvalidTerms(name, "is no number")
    try:
        check_decimals(money.amount, money.currency)
    except (UnknownCurrency, TooManyDecimals) as wrong:
        raise InvalidTerms(name, str(wrong)) from wrong


def _positive_money(name: str, money: Money) -> None:
    _money(name, money)
    _positive(name, money.amount)


def _positive(name: str, number: Decimal) -> None:
    if not number.is_finite() or number <= 0:
        raise InvalidTerms(name, f"{number} is not more than zero")
