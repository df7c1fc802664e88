"""Sends the emails that wait: what clients are told, in their own language, and invitations that we send for them.

Only `flask referrals work` sends: a mail server that hangs must not hold up a page, let alone a payment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Table
from sqlalchemy.engine import Engine

from ..domain.contact import short_name
from ..host import Client
from ..services import mailbox, portal, preferences
from ..services.outbox import begin_writing
from ..services.ports import Mail
from ..words import money_text, share_subject
from ..words_news import Say, invitation_footer, kind_text, letter, news_text, speaker
from . import links
from .addresses import address
from .state import State
from .templates import get_templates

log = logging.getLogger("flask_referrals")


def send_waiting(state: State, engine: Engine, stop: Callable[[], bool]) -> int:
    """Send all emails that are due; how many went out. Without a mailer nothing happens."""
    if state.mailer is None:
        return 0
    total = 0
    for table, compose in ((mailbox.LETTERS, _letter), (mailbox.INVITATIONS, _invitation)):
        while batch := _claim(engine, table, state.now()):
            total += sum(_send(state, engine, table, mail_id, tries, compose) for mail_id, tries in batch)
            if stop():
                return total
    return total


def _claim(engine: Engine, table: Table, now: datetime) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        begin_writing(connection)
        found = mailbox.claim(connection, table, now)
        connection.commit()
    return found


def _send(state: State, engine: Engine, table: Table, mail_id: int, tries: int, compose: Any) -> bool:
    """Send one; whether it went out. No transaction is open meanwhile."""
    assert state.mailer is not None
    error: Exception | None = None
    mail: Mail | None = None
    try:
        with state.app.test_request_context(base_url=state.settings.site_url):
            mail = compose(state, mail_id)
        state.session().rollback()
        if mail is not None:
            state.mailer.send(mail)
    except Exception as found:
        state.session().rollback()
        error = found
    with engine.connect() as connection:
        begin_writing(connection)
        if error is None:
            sent = {"sent_at": state.now()} if mail is not None and table is mailbox.INVITATIONS else {}
            mailbox.done(connection, table, mail_id, **sent)
        elif mailbox.failed(connection, table, mail_id, tries, state.now()):
            log.warning("an email (%s %s) could not be sent and waits for its next try: %r", table.name, mail_id, error)
        else:
            log.error("an email (%s %s) is given up after %s tries", table.name, mail_id, tries + 1, exc_info=error)
        connection.commit()
    return error is None and mail is not None


def _letter(state: State, activity_id: int) -> Mail | None:
    """What one line of the client's log says; None where the client wants no such email or has no address."""
    connection = state.session().connection()
    row = mailbox.news(connection, activity_id)
    record = state.host.find_client(row.org, row.client_id)
    client = None if record is None else state.host.client(record)
    if client is None or not client.email or row.kind in preferences.find(connection, row.org, row.client_id).muted:
        return None
    locale = _locale(state, client)
    say = speaker(locale)
    line = portal.news_of(row)
    sentence = news_text(
        line.kind,
        line.name,
        "" if line.amount is None else money_text(line.amount, locale),
        as_referrer=line.as_referrer,
        registered=line.invoice_id is None,
        data=line.data,
        say=say,
    )
    org_name = state.host.org_name(client.org)
    stop = _stop(state, "news", client.org, client.id)
    hello, close, (see, portal_url), (choose, settings_url) = letter(
        sentence,
        client.name,
        org_name,
        address("referrals.portal", external=True, client=client),
        address("referrals.settings", external=True, client=client),
        say,
    )
    parts = [hello, sentence, f"{see}: {portal_url}", f"{close}\n{choose}: {settings_url}"]
    html = get_templates().render(
        "referrals/mail_news.html",
        lang=locale.partition("_")[0],
        hello=hello,
        sentence=sentence,
        see=see,
        portal_url=portal_url,
        close=close,
        choose=choose,
        settings_url=settings_url,
    )
    subject = f"{kind_text(line.kind, say)} – {org_name}"
    return _mail(state, client.email, subject, parts, html, f"news-{activity_id}", stop)


def _invitation(state: State, invitation_id: int) -> Mail | None:
    """The client's own words to an address that it invited; None where that address wants no invitations."""
    connection = state.session().connection()
    row = mailbox.invitation(connection, invitation_id)
    if row is None or not row.email or not row.message:
        return None
    record = state.host.find_client(row.org, row.client_id)
    if record is None or preferences.is_suppressed(connection, row.org, row.email_key):
        return None
    client = state.host.client(record)
    locale = _locale(state, client)
    say: Say = speaker(locale)
    org_name = state.host.org_name(row.org)
    stop = _stop(state, "invitations", row.org, row.email_key)
    why, label = invitation_footer(org_name, say)
    name = short_name(client.name)
    parts = [row.message, name, f"{why}\n{label}: {stop}"]
    html = get_templates().render(
        "referrals/mail_invitation.html",
        lang=locale.partition("_")[0],
        paragraphs=row.message.splitlines(),
        name=name,
        why=why,
        label=label,
        stop=stop,
    )
    return _mail(state, row.email, share_subject(org_name), parts, html, f"invitation-{invitation_id}", stop)


def _stop(state: State, what: str, org: str, key: str) -> str:
    """Where these emails end, wherever the page is."""
    return address("referrals_link.stop", external=True, token=links.sign_stop(state.app, what, org, key))


def _mail(state: State, to: str, subject: str, parts: list[str], html: str, name: str, stop: str) -> Mail:
    host = urlsplit(stop).hostname
    headers = {
        "Message-ID": f"<referrals-{name}@{host}>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    line = " ".join(subject.split())  # no line break may come into a header
    return Mail(to=to, subject=line, text="\n\n".join(parts) + "\n", html=html, headers=headers)


def _locale(state: State, client: Client) -> str:
    return (client.locale or state.settings.locale).replace("-", "_")
