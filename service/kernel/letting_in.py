"""Who is let in: what keeps a signed-in person out of everything, asked at every door and in the gate."""

from policies.vocabulary import Action
from service.kernel.actor import Actor
from service.kernel.errors import NotPermitted, OnLeave, Refusal, SecondDevice


def kept_out(actor: Actor, action: Action) -> Refusal | None:
    """Return what keeps a signed-in person from everything, whatever their rights: but never from signing out."""
    if action is Action.SESSION_CLOSE:
        return None
    if actor.restricted and action is not Action.PASSWORD_CHANGE:
        return NotPermitted("A one-time password only opens the change of the password.")
    if actor.away is not None:
        return OnLeave(actor.away)
    if actor.elsewhere is not None:
        return SecondDevice(actor.account, told=actor.elsewhere.told)
    return None
