"""A state machine is one transition table; nothing else moves a state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from policies.vocabulary import Action
from service.kernel.errors import IllegalTransition

State = TypeVar("State", bound=StrEnum)


class Lifecycle(Generic[State]):
    """The transitions of one office's own state of an object."""

    def __init__(self, name: str, table: Mapping[tuple[State, Action], State]) -> None:
        self.name = name
        self.table = dict(table)

    def after(self, state: State, action: Action) -> State:
        """Return the state that ``action`` leads to. Raises IllegalTransition if there is no such row."""
        try:
            return self.table[state, action]
        except KeyError:
            sentence = f"A {self.name} that is {state.value} does not allow {action.value}."
            raise IllegalTransition(sentence) from None

    def actions_from(self, state: State) -> tuple[Action, ...]:
        """Return the acts possible from ``state``, in table order: what draws the buttons."""
        return tuple(action for (origin, action) in self.table if origin is state)
