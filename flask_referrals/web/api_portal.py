"""The JSON API, what a client reads: the summary, its referrals, credit, rewards, news, and why things stand so."""

from __future__ import annotations

from ..errors import NotFoundError
from ..services import portal, preferences
from ..services.why import OwnReward, rewards_of
from . import api_values, portal_why
from .api_call import Call, not_found
from .api_values import Json
from .forms import csrf_token
from .standing import Standing, deal, news, promise, standing


def summary(call: Call) -> Json:
    """One statement, and one more where clients link an account; the first look in a client's life makes its code."""
    stands = standing(call.state, call.client, call.speech)
    head, terms = stands.head, stands.terms
    token = csrf_token()
    reason = "" if stands.sharing else "program_off" if terms is None else "code_inactive"
    return {
        "org_name": stands.org_name,
        "deal": None if terms is None else deal(terms, call.speech),
        "closed": api_values.closed(reason),
        "code": None if stands.code is None else api_values.code(stands.code, active=stands.active),
        "sharing": None if stands.sharing is None else api_values.sharing(stands.sharing),
        "balances": api_values.balances(head.balances, call.speech),
        "counts": {"visits": head.visits, "referred": head.referred, "qualified": head.qualified},
        "unread": head.unread,
        "open": _open(call, stands),
        "csrf": {"header": token.header, "field": token.field, "token": token.value},
    }


def _open(call: Call, stands: Standing) -> list[str]:
    gateway = call.state.gateway
    found = ["invite", "choose_code"] if stands.sharing else []
    found += ["read_news"] if stands.head.unread else []
    found += ["cash"] if gateway is not None else []
    if gateway is not None and gateway.onboards and portal.waits_for_bank(call.connection, *_who(call)):
        found.append("link_account")
    return found


def _who(call: Call) -> tuple[str, str]:
    return call.client.org, call.client.id


def referrals(call: Call) -> Json:
    """A page of those whom the client recommended, newest first."""
    lines = portal.referrals(call.connection, *_who(call), before=call.given.get("before"))
    shown = lines[: portal.PAGE]
    promises = {one: promise(call.state, one, call.speech) for one in {line.terms_id for line in shown}}
    return {
        "referrals": [api_values.referral(line, promises[line.terms_id], call.speech) for line in shown],
        "older": shown[-1].id if len(lines) > portal.PAGE else None,
    }


def credit(call: Call) -> Json:
    """The balances, and the newest entries of their history."""
    head = portal.header(call.connection, *_who(call), entries=portal.PAGE + 1)
    return {
        "balances": api_values.balances(head.balances, call.speech),
        "entries": [api_values.entry(line, call.speech) for line in head.history[: portal.PAGE]],
        "complete": len(head.history) <= portal.PAGE,
    }


def rewards(call: Call) -> Json:
    """A page of the client's rewards, newest first, each with its reason (R9)."""
    found = rewards_of(call.connection, call.state.programs, *_who(call), before=call.given.get("before"))
    shown = found[: portal.PAGE]
    return {
        "rewards": [api_values.reward(one, call.speech) for one in shown],
        "older": shown[-1].reward.id if len(found) > portal.PAGE else None,
    }


def why(call: Call) -> Json:
    """One referral of the client's own, from either side of it."""
    try:
        one = portal_why.told(call.state, call.client, call.given["referral_id"], call.speech)
    except NotFoundError:
        raise not_found() from None
    found = one.found
    name = found.referee_name if one.mine else found.referrer_name
    own = [OwnReward(found.referral_id, name, reward) for reward in found.rewards]
    return {
        "referral_id": found.referral_id,
        "name": name,
        "mine": one.mine,
        "code": found.code,
        "detail": one.sentence,
        "rewards": [api_values.reward(reward, call.speech) for reward in own],
        "promised": {"you": one.promised, "they": one.they},
        "since": api_values.time(found.version.effective_from),
    }


def read_news(call: Call) -> Json:
    """The latest news; unlike the page, it marks nothing as seen."""
    found = news(call.state, call.client, call.speech)
    return {
        "news": [
            {"id": line.id, "kind": line.kind, "text": line.text, "at": api_values.time(line.at), "new": line.new}
            for line in found
        ]
    }


def see_news(call: Call) -> Json:
    """The client has seen its news up to this line, and nothing that is still to come."""
    newest = portal.news(call.connection, *_who(call), page=1)
    up_to = min(int(call.given["id"]), newest[0].id) if newest else 0
    if up_to:
        call.state.run(lambda unit: preferences.seen(unit, call.client, up_to), actor="client", commit=True)
    return {"unread": portal.unread(call.connection, *_who(call))}
