"""The log's tables, and what the gate needs beside them: logins, keys, the policy in force."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Base


class AuditEntry(Base):
    """One entry, byte for byte as hashed; the other columns are read from the bytes by ``audit_append``."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "act", "recorded_at"),
        Index(None, "account", "recorded_at"),
        Index(None, "recorded_at"),
        Index("ix_audit_entry_refused", "recorded_at", postgresql_where=text("outcome = 'refuse'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    leaf: Mapped[bytes] = mapped_column(unique=True)
    bytes: Mapped[bytes]
    office: Mapped[str]
    act: Mapped[str]
    outcome: Mapped[str]
    account: Mapped[str]
    person: Mapped[str | None]
    trade_id: Mapped[UUID | None] = mapped_column(index=True)
    recorded_at: Mapped[datetime]
    unit: Mapped[str | None]  # where the person stood at the time
    board: Mapped[str | None]  # and the member of the board above it


class AuditEffect(Base):
    """What an entry did to one object: the revision it made and the digest of the row after."""

    __tablename__ = "audit_effect"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    rev: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entry.id"), index=True)
    leaf: Mapped[bytes]
    after: Mapped[str]
    act: Mapped[str]
    person: Mapped[str]
    deputy_for: Mapped[str | None]  # the person whose deputy acted
    owner: Mapped[str | None]  # the person who answers for the service that acted
    office: Mapped[str]
    at: Mapped[datetime]
    trade_id: Mapped[UUID | None] = mapped_column(index=True)


class AuditPending(Base):
    """The outbox: entries that are committed but have no index yet."""

    __tablename__ = "audit_pending"

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entry.id"), unique=True)


class AuditIndex(Base):
    """The gap-free place of an entry in the log, given once by the sequencer."""

    __tablename__ = "audit_index"

    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entry.id"), unique=True)


class AuditState(Base):
    """The sequencer's fence: whoever holds this row's lock in the writing transaction leads."""

    __tablename__ = "audit_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_index: Mapped[int] = mapped_column(BigInteger)


class TotalMark(Base):
    """How far of the log the kept totals go: every entry below this index is in them, and no other."""

    __tablename__ = "total_mark"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    upto: Mapped[int] = mapped_column(BigInteger)


class IdempotencyKey(Base):
    """A caller's key, the hash of its request, and the answer once there is one."""

    __tablename__ = "idempotency_key"

    office: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    status: Mapped[int | None]
    answer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PolicyEpoch(Base):
    """The policy version in force; a process that knows another one writes nothing."""

    __tablename__ = "policy_epoch"

    version: Mapped[str] = mapped_column(primary_key=True)


class SchemaEpoch(Base):
    """The schema the database was made with; a release that brings another one does not start on it."""

    __tablename__ = "schema_epoch"

    revision: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]


class OfficeLogin(Base):
    """Which office a database login acts for."""

    __tablename__ = "office_login"

    login: Mapped[str] = mapped_column(primary_key=True)
    office: Mapped[str]


class OfficeAction(Base):
    """The acts an office may record as done, compiled from policy.csv."""

    __tablename__ = "office_action"

    office: Mapped[str] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)


class OfficeKind(Base):
    """The kinds of object an office may have effects on, compiled from tables.csv."""

    __tablename__ = "office_kind"

    office: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


class ItemRoute(Base):
    """Which office may open which work item for which office."""

    __tablename__ = "item_route"

    kind: Mapped[str] = mapped_column(primary_key=True)
    opened_by: Mapped[str] = mapped_column(primary_key=True)
    office: Mapped[str] = mapped_column(primary_key=True)


class PolicyLine(Base):
    """Two classes of unit that no manager and no board member answers for together, compiled from lines.csv."""

    __tablename__ = "policy_line"

    control: Mapped[str]
    left_class: Mapped[str] = mapped_column(primary_key=True)
    right_class: Mapped[str] = mapped_column(primary_key=True)


class ApartPair(Base):
    """Two acts that no natural person does to one subject, compiled from apart.csv; 0 days: for ever."""

    __tablename__ = "apart_pair"

    control: Mapped[str] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)
    differs: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class RoleConflict(Base):
    """Two roles that no natural person holds together, compiled from separation.csv; each pair in both orders."""

    __tablename__ = "role_conflict"

    left_role: Mapped[str] = mapped_column(primary_key=True)
    right_role: Mapped[str] = mapped_column(primary_key=True)
    control: Mapped[str]
