"""Whatever order people act in, money leaves at most once for a leg, and the books hold what moved."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from policies.apart import Act, refusal
from policies.policy import load
from policies.vocabulary import Action
from service.bookkeeping.posting import Line, imbalances, mirror, settlement_journals, trade_date_journal
from service.settlement.lifecycle import SETTLEMENT, SettlementState
from tests.unit.test_fx_spot import TERMS
from tests.unit.test_posting import FIXINGS, USD

RULES = load().apart
PEOPLE = ("one", "two", "three", "four")
LETS_GO = (Action.SETTLEMENT_RELEASE, Action.SETTLEMENT_COUNTERSIGN)
ONWARDS = {
    SettlementState.PROJECTED: Action.SETTLEMENT_PREPARE,
    SettlementState.PREPARED: Action.SETTLEMENT_RELEASE,
    SettlementState.SIGNED: Action.SETTLEMENT_COUNTERSIGN,
    SettlementState.FAILED: Action.SETTLEMENT_PREPARE,
    SettlementState.RETURNED: Action.SETTLEMENT_PREPARE,
}
COMES_BACK = (Action.SETTLEMENT_FAIL, Action.SETTLEMENT_RETURN)


class OneLeg(RuleBasedStateMachine):
    """A leg that pays; ``two_sign``: it is above the amount of one signature."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Start a leg that nobody has touched."""
        self.state = SettlementState.PROJECTED
        self.history: list[Act] = []
        self.outside = 0  # how often the money is out of the house, or its message in the post
        self.gone = False  # the message left
        self.trade = trade_date_journal(TERMS, FIXINGS)[1]
        self.booked: list[tuple[Line, ...]] = []
        self.signers: list[str] = []
        self.preparer: str | None = None

    @rule()
    def the_message_leaves(self) -> None:
        """Whoever takes the post out takes what is in it."""
        self.gone = self.gone or self.state is SettlementState.RELEASED

    @rule(person=st.sampled_from(PEOPLE), two_sign=st.booleans())
    def goes_on(self, person: str, *, two_sign: bool) -> None:
        """Let somebody do what brings the leg nearer to its payment."""
        if (action := ONWARDS.get(self.state)) is not None:
            self.act(action, person, two_sign=two_sign)

    @rule(data=st.data(), person=st.sampled_from(PEOPLE), two_sign=st.booleans())
    def anything(self, data: st.DataObject, person: str, *, two_sign: bool) -> None:
        """Let somebody who holds every role try whatever the state allows; after a leg that is withdrawn comes the next."""
        possible = sorted(action for state, action in SETTLEMENT.table if state is self.state)
        if possible:
            self.act(data.draw(st.sampled_from(possible), "act"), person, two_sign=two_sign)
        else:
            self.begin()

    def act(self, action: Action, person: str, *, two_sign: bool) -> None:
        """Do it, unless the history of the leg bars the person or the message has left (CSD-02, PaymentGone)."""
        barred = refusal(RULES, action, person, self.history) is not None
        if barred or (action is Action.SETTLEMENT_HOLD and self.gone):
            return
        after = SETTLEMENT.after(self.state, action)
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
        taken_out = action is Action.SETTLEMENT_HOLD and self.outside and not self.gone
        if action in COMES_BACK or taken_out:
            self.outside -= 1
            self.gone = False

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


OneLeg.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_whatever_the_order_money_leaves_once_and_the_books_balance = OneLeg.TestCase
