"""The one table of the JSON API: its addresses are made of it, what is sent is checked by it, and it is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import api_cash, api_choices, api_portal, api_visitor
from .api_schemas import ID, TEXT, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one method does at one address. `name` is the endpoint's, behind `referrals.api_`.

    `values` are parts of the path, `query` its parameters by name, and those in `needs` must be there. `refused` are
    the codes that the program's rules may refuse with. `visitors` says that nobody has to be logged in; `gateway` that
    the payment service is asked.
    """

    method: Literal["GET", "POST"]
    path: str
    name: str
    view: Callable[[Any], dict[str, Any]]
    summary: str
    answers: str
    body: str = "Nothing"
    values: Mapping[str, Schema] = field(default_factory=dict)
    query: Mapping[str, Schema] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    visitors: bool = False
    gateway: bool = False


_BEFORE = {"before": ID | {"description": "Only those below this id."}}
_INVITING = (
    "email_invalid", "self_referral", "already_invited", "too_many_invitations", "program_off", "code_inactive",
    "referrer_blocked", "message_invalid", "no_invitations", "own_mail_app",
)  # fmt: skip

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="", name="summary", view=api_portal.summary, answers="Summary",
        summary="Code, link, ways to share, the deal, credit, counts, what is open to do, and the token for changes",
    ),
    Route(
        method="GET", path="/referrals", name="referrals", view=api_portal.referrals, answers="Referrals",
        query=_BEFORE, summary="A page of the people who came by the client, newest first",
    ),
    Route(
        method="GET", path="/why/{referral_id}", name="why", view=api_portal.why, answers="Why",
        values={"referral_id": ID}, summary="Why a referral and the client's rewards of it stand as they do",
    ),
    Route(
        method="GET", path="/credit", name="credit", view=api_portal.credit, answers="Credit",
        summary="Credit, and the latest of its history",
    ),
    Route(
        method="GET", path="/rewards", name="rewards", view=api_portal.rewards, answers="Rewards",
        query=_BEFORE, summary="A page of the client's rewards, newest first, each with its reason",
    ),
    Route(
        method="GET", path="/news", name="news", view=api_portal.read_news, answers="News",
        summary="The latest news",
    ),
    Route(
        method="POST", path="/news/seen", name="news_seen", view=api_portal.see_news, answers="Unread", body="Seen",
        summary="The client has seen its news up to this line",
    ),
    Route(
        method="POST", path="/code", name="code", view=api_choices.choose_code, answers="Code", body="CodeChoice",
        refused=("code_not_allowed", "code_taken", "too_many_codes"),
        summary="Choose a code of one's own; the old one keeps working",
    ),
    Route(
        method="GET", path="/invitations", name="invitations", view=api_choices.invitations_of, answers="Invitations",
        summary="Whom the client invited lately, and the draft of an invitation",
    ),
    Route(
        method="POST", path="/invitations", name="invitations", view=api_choices.invite, answers="Invited",
        body="NewInvitations", refused=_INVITING, summary="Invite people by email",
    ),
    Route(
        method="GET", path="/preferences", name="preferences", view=api_choices.preferences_of, answers="Preferences",
        summary="Which emails the client gets, and whether its credit is used by itself",
    ),
    Route(
        method="POST", path="/preferences", name="preferences", view=api_choices.change_preferences,
        answers="Preferences", body="PreferencesChange", refused=("no_emails",),
        summary="Change them; what is not sent stays as it is",
    ),
    Route(
        method="GET", path="/cash", name="cash", view=api_cash.look, answers="Cash",
        summary="As what the client gets its rewards, its account for payouts, its payouts",
    ),
    Route(
        method="POST", path="/cash/choice", name="cash_choice", view=api_cash.choose, answers="Cash",
        body="KindChoice", summary="Choose credit or cash for every reward that is not given yet",
    ),
    Route(
        method="POST", path="/cash/link", name="cash_link", view=api_cash.link, answers="Address", body="Onboarding",
        refused=("no_accounts",), gateway=True,
        summary="Where the client links its account; good for once",
    ),
    Route(
        method="POST", path="/cash/unlink", name="cash_unlink", view=api_cash.unlink, answers="Cash",
        summary="Let go of the account",
    ),
    Route(
        method="GET", path="/cash/account", name="cash_account", view=api_cash.account, answers="Address",
        refused=("no_accounts",), gateway=True, summary="The client's own page with the payment service",
    ),
    Route(
        method="GET", path="/check", name="check", view=api_visitor.check, answers="Checked", visitors=True,
        query={"code": TEXT | {"description": "What was typed."}}, needs=("code",),
        summary="What a registration form would say of a code",
    ),
)  # fmt: skip
