"""Which policy is in force: the one that was put in force last, from the database; the release's own until then."""

import logging
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.policy import FILES as NAMES
from policies.policy import Policy, PolicyError, read
from service.kernel.embedded_binaries import CannotStart

LOGGER = logging.getLogger(__name__)
FILES = text("SELECT version, file, content FROM public.policy_files()")
NOW = text("SELECT public.policy_now()")


class DamagedPolicy(CannotStart):
    """The texts of the policy in force are not what their version says, here or where this process keeps its own."""

    def __init__(self, version: str, why: str) -> None:
        super().__init__(
            f"The policy in force, {version}, cannot be read from the database: {why}. Nothing is written under "
            "another one. Bring the directory policies/ of a node that has read it, or restore a backup."
        )


async def policy_in_force(
    connection: AsyncConnection, shipped: Policy, *, kept: Path | None = None
) -> Policy:
    """Return the policy in force; ``shipped``, the release's own, is version zero.

    ``kept``: where this node keeps the texts it has read before; they serve where the database's are damaged, since
    a version is the digest of its texts. Raises DamagedPolicy.
    """
    found = (await connection.execute(FILES)).all()
    if not found:
        return shipped
    version = str(found[0].version)
    missing = [row.file for row in found if row.content is None]
    if missing:
        why = f"{missing[0]} is missing"
    else:
        policy, why = as_it_says({row.file: row.content.encode() for row in found}, version)
        if policy is not None:
            return policy
    if kept is not None and (directory := kept / version.removeprefix("sha256:")).is_dir():
        texts = {file: (directory / file).read_bytes() for file in NAMES if (directory / file).is_file()}
        policy, _ = as_it_says(texts, version)
        if policy is not None:
            LOGGER.error("the policy in force is damaged in the database (%s): read from %s", why, directory)
            return policy
    raise DamagedPolicy(version, why)


def as_it_says(texts: dict[str, bytes], version: str) -> tuple[Policy | None, str]:
    """Return the policy of these texts if they are the version's, else why not."""
    try:
        policy = read(texts)
    except PolicyError as broken:
        return None, str(broken)
    if policy.version != version:
        return None, "its texts have another digest"
    return policy, ""
