"""Whole runs: so many steps under a seed, and what they came to."""

from collections.abc import Awaitable, Callable

from tests.bank import World
from tests.property.separation import leave, raw, staff
from tests.property.separation.play import Play

STEPS: tuple[tuple[int, Callable[[Play], Awaitable[None]]], ...] = (
    (16, Play.capture),
    (60, Play.handle),
    (4, Play.offer),
    (4, staff.hire),
    (5, staff.second_account),
    (4, staff.grant),
    (6, staff.move_over),
    (9, staff.deputise),
    (2, staff.hand_back),
    (2, staff.disable),
    (3, staff.route),
    (4, leave.go_away),
    (2, leave.come_back),
    (12, raw.break_in),
)


async def played(world: World, seed: int, steps: int) -> Play:
    """Play so many steps under a seed in a fresh bank, and judge all of it at the end."""
    play = Play(world, seed)
    try:
        await play.begin()
        weights = [weight for weight, _ in STEPS]
        policy_at = play.rng.randrange(15, 45)  # whatever is asked for: the same seed begins the same run
        away_at = play.rng.randrange(5, 40)
        for step in range(steps):
            play.steps = step + 1
            if step == policy_at:
                await staff.change_policy(play)
            if step == away_at:
                await leave.go_away(play)
            (_, do) = play.rng.choices(STEPS, weights)[0]
            await do(play)
        await play.end()
    finally:
        await play.engine.dispose()
    return play


def summary(play: Play) -> list[str]:
    """Return what a run came to, for people."""
    paths = sorted({path for path, _ in play.tally})
    width = max(len(path) for path in paths)
    done = [
        f"  {path:<{width}}  {play.tally[path, 'allowed']:>6} allowed  {play.tally[path, 'refused']:>6} refused"
        for path in paths
    ]
    forbidden = ", ".join(f"{rule} {count}" for rule, count in sorted(play.forbidden.items()))
    total = f"{len(play.oracle.deeds)} acts and {len(play.refusals)} refusals in the log, no violation"
    return [
        f"seed {play.seed}: {play.steps} steps, {total}",
        *done,
        f"  forbidden by a rule and refused: {sum(play.forbidden.values())} ({forbidden})",
    ]
