"""Where a deal stands beside the market, for whoever agrees its terms or confirms them."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from service.conformity.model import Justification, MarketCheck
from service.conformity.queries import justified
from service.kernel.errors import Refusal
from service.kernel.money import plain
from service.trades.model import Trade


class OffMarket(Refusal):
    """409. The deal is off the market, or has no reference, and risk control has not justified it."""

    rule = "TRD-04"


@dataclass(frozen=True, slots=True)
class Standing:
    """The last check of a version and the justification that covers it, if there is one."""

    check: MarketCheck
    justification: Justification | None

    @property
    def passes(self) -> bool:
        """Whether the back office may agree the deal."""
        return self.check.state == "ok" or self.justification is not None


async def standing_of(session: AsyncSession, trade: Trade, version: int | None = None) -> Standing:
    """Return where a version of a deal stands, by default the one in force."""
    row = (
        await session.execute(
            select(MarketCheck, Justification)
            .outerjoin(Justification, justified())
            .where(
                MarketCheck.trade_id == trade.id,
                MarketCheck.version == (trade.version if version is None else version),
            )
            .order_by(MarketCheck.seq.desc())
            .limit(1)
        )
    ).one()
    return Standing(row.MarketCheck, row.Justification)


async def must_stand_within_the_market(session: AsyncSession, trade: Trade) -> None:
    """Raise OffMarket unless the check is ok or risk control justified what it found (TRD-04, SET-20)."""
    standing = await standing_of(session, trade)
    if standing.passes:
        return
    check = standing.check
    if check.state == "no_reference":
        if check.why == "points":
            raise OffMarket(
                "Its forward points have no reference; risk control must justify this deal first."
            )
        raise OffMarket("This deal has no independent reference; risk control must justify it first.")
    if check.inverted:
        raise OffMarket(
            "This deal looks quoted upside down: its inverse stands near the reference. Return it."
        )
    if check.deviation_bp is None or check.why == "no_tolerance":
        raise OffMarket(
            "No tolerance is set for deals of this type; risk control must justify this one first."
        )
    far = plain(check.deviation_bp)
    raise OffMarket(
        f"This deal stands {far} basis points from the reference; risk control must justify it first."
    )
