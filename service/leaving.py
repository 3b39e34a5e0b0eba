"""Before somebody goes: what of the open work would wait for nobody."""

from collections.abc import Callable, Collection

from service.attempt import Attempt
from service.dead_ends import TOLD_MAX, Holder, left_alone, must_leave_somebody
from service.kernel.items import Item


async def nobody_left(
    attempt: Attempt,
    roles: Collection[str],
    after: Callable[[Holder], Holder | None],
    accepted: str | None,
    *,
    forced: bool = False,
) -> None:
    """Refuse what would leave nobody for open work, unless a reason is given; then compliance sees each item.

    ``roles``: what is lost; ``after``: what becomes of each account, None where it is closed or away;
    ``forced``: it happens anyway and nobody is asked, as when staff leave.
    Raises DeadEnd.
    """
    connection = await attempt.session.connection()
    alone = await left_alone(connection, attempt.policy, attempt.now, roles, after)
    if accepted is None and not forced:
        must_leave_somebody(alone)
    if not alone:
        return
    attempt.note(accept_dead_end=accepted, left_alone=[str(one.subject_id) for one in alone[:TOLD_MAX]])
    for one in alone[:TOLD_MAX]:
        attempt.open_item_about(
            Item.DEAD_END,
            one.subject_kind,
            one.subject_id,
            trade_id=one.trade_id,
            version=one.version,
            reason=one.kind.value,
        )
