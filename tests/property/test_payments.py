"""Whatever order people act in, money leaves at most once for a leg, and the books hold what moved."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from policies.apart import Act, refusal
from policies.policy import load
from policies.vocabulary import Action
from service.bookkeeping.posting import Line, imbalances, mirror, settlement_journals, trade_date_journal
from service.kernel.errors import IllegalTransition
from service.settlement.lifecycle import SETTLEMENT, SettlementState
from tests.unit.test_fx_spot import TERMS
from tests.unit.test_posting import FIXINGS, USD

RULES = load().apart
PEOPLE = ("one", "two", "three", "four")
LETS_GO = (Action.SETTLEMENT_RELEASE, Action.SETTLEMENT_COUNTERSIGN)
ACTS = sorted(action for _, action in SETTLEMENT.table)


class OneLeg(RuleBasedStateMachine):
    """A leg that pays; ``two_sign``: it is above the amount of one signature."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SettlementState.PROJECTED
        self.history: list[Act] = []
        self.outside = 0  # how often the money is out of the house at this moment
        self.trade = trade_date_journal(TERMS, FIXINGS)[1]
        self.booked: list[tuple[Line, ...]] = []
        self.signers: list[str] = []
        self.preparer: str | None = None

    @rule(action=st.sampled_from(ACTS), person=st.sampled_from(PEOPLE), two_sign=st.booleans())
    def act(self, action: Action, person: str, *, two_sign: bool) -> None:
        """Let somebody who holds every role try anything."""
        if refusal(RULES, action, person, self.history) is not None:
            return
        try:
            after = SETTLEMENT.after(self.state, action)
        except IllegalTransition:
            return
        if action is Action.SETTLEMENT_RELEASE and two_sign:
            after = SettlementState.SIGNED
        self.note_hands(action, after, person)
        self.note_books(action, after)
        self.state = after
        self.history.append(Act(action, person, None, "object"))

    def note_hands(self, action: Action, after: SettlementState, person: str) -> None:
        """Keep who prepared and signed, and whether money left."""
        if action is Action.SETTLEMENT_PREPARE:
            self.preparer = person
        if after in (SettlementState.PROJECTED, SettlementState.PREPARED):
            self.signers = []
        if action in LETS_GO:
            self.signers.append(person)
        if after is SettlementState.RELEASED:
            self.outside += 1
            assert len({self.preparer, *self.signers}) == len(self.signers) + 1
        if after in (SettlementState.FAILED, SettlementState.RETURNED) and after is not self.state:
            self.outside -= 1

    def note_books(self, action: Action, after: SettlementState) -> None:
        """Book as accounting does."""
        if after is SettlementState.SETTLED:
            in_force = [*self.trade, *(line for lines in self.booked for line in lines)]
            ((_, lines),) = settlement_journals(TERMS, "quote", in_force, {})
            self.booked.append(lines)
        if action is Action.SETTLEMENT_RETURN and self.state is SettlementState.SETTLED:
            self.booked.append(mirror(self.booked[-1]))

    @invariant()
    def money_is_out_at_most_once(self) -> None:
        """It is out exactly where the leg says so."""
        out = (SettlementState.RELEASED, SettlementState.PARTIAL, SettlementState.SETTLED)
        assert self.outside == (1 if self.state in out else 0)

    @invariant()
    def books_balance_and_hold_what_moved(self) -> None:
        """The nostro went down once if the leg is settled, and not at all otherwise."""
        lines = [line for journal in self.booked for line in journal]
        assert imbalances(lines) == {}
        nostro = sum((line.amount for line in lines if line.account == "1010"), Decimal(0))
        assert nostro == (-USD if self.state is SettlementState.SETTLED else 0)


OneLeg.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_whatever_the_order_money_leaves_once_and_the_books_balance = OneLeg.TestCase
