"""Every table of the bank, imported once so that the metadata is complete."""

from service.absences import model as absences
from service.audit_trail import model as audit_trail
from service.bookkeeping import model as bookkeeping
from service.cases import model as cases
from service.confirmations import model as confirmations
from service.conformity import model as conformity
from service.control import model as control
from service.deputies import model as deputies
from service.desks import model as desks
from service.documents import model as documents
from service.governance import model as governance
from service.kernel.database import Base
from service.limits import model as limits
from service.market import model as market
from service.organisation import model as organisation
from service.parties import model as parties
from service.people import model as people
from service.recovery import model as recovery
from service.rotation import model as rotation
from service.settlement import model as settlement
from service.settlement_rules import model as settlement_rules
from service.supervision import model as supervision
from service.trades import model as trades
from service.transfers import model as transfers
from service.work import model as work

METADATA = Base.metadata

for _table in METADATA.tables.values():
    for _key in _table.foreign_key_constraints:
        # An act is one whole: the order of its rows is nobody's concern, what counts is the commit.
        _key.deferrable, _key.initially = True, "DEFERRED"

__all__ = [
    "METADATA",
    "absences",
    "audit_trail",
    "bookkeeping",
    "cases",
    "confirmations",
    "conformity",
    "control",
    "deputies",
    "desks",
    "documents",
    "governance",
    "limits",
    "market",
    "organisation",
    "parties",
    "people",
    "recovery",
    "rotation",
    "settlement",
    "settlement_rules",
    "supervision",
    "trades",
    "transfers",
    "work",
]
