"""What a client's page in the host shows of the program: `client_chain` of `referrals/_chain.html`."""

from __future__ import annotations

from dataclasses import dataclass

from ..adapters.state import get_state
from ..services import portal, staff
from ..services.chain import Chain, chain
from ..services.portal import Balance
from ..services.staff import Item
from .admin_words import Voice
from .pages import locale_of


@dataclass(frozen=True, slots=True)
class ClientChain:
    """A client in the program: how it came, whom it recommended (the newest, `more` if there are), its credit."""

    client_id: str
    came: Chain | None
    recommended: tuple[Item, ...]
    more: bool
    balances: tuple[Balance, ...]
    code: str | None
    visits: int
    voice: Voice


def chain_of(client_id: str, org: str | None = None) -> ClientChain:
    """The client's part in the program, in at most eight statements, whatever the number of referrals."""
    state = get_state()
    org = state.host.current_org() if org is None else org
    connection = state.session().connection()
    head = portal.header(connection, org, client_id)
    came = portal.referral_of(connection, org, client_id)
    found = staff.referrals(connection, org, staff.Wanted(referrer_id=client_id))
    return ClientChain(
        client_id=client_id,
        came=None if came is None else chain(connection, org, came.id),
        recommended=tuple(found[: staff.PAGE]),
        more=len(found) > staff.PAGE,
        balances=head.balances,
        code=head.code,
        visits=head.visits,
        voice=Voice(state, org, locale_of(state), state.host.timezone(org)),
    )
