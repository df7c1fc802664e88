"""Emails to clients and invitations that we send: out of the transaction, once, in the recipient's language."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask_mailman import Mail as Mailman
from sqlalchemy import select

from flask_referrals import ConfigurationError, Mail
from flask_referrals.adapters import links
from flask_referrals.adapters.mail import MailmanMailer
from flask_referrals.models import ActivityRow, InvitationRow
from flask_referrals.services import mailbox
from flask_referrals.services.portal import NEWS
from flask_referrals.testing import FrozenClock
from tests.minihost import ClientRow, create_app, db
from tests.worlds import World

SITE = "https://bills.example.com"


class Box:
    """A mailer that keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.broken = False

    def send(self, mail: Mail) -> None:
        """Keep it."""
        if self.broken:
            raise OSError("no connection")
        self.mails.append(mail)


@pytest.fixture
def box() -> Box:
    """The mailer of the app under test."""
    return Box()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Where the site is, for the links; invitations are ours to send."""
    return {"REFERRALS_SITE_URL": SITE, "REFERRALS_INVITATIONS": "sent"}


@pytest.fixture
def world(url: str, settings: dict[str, Any], box: Box) -> Iterator[World]:
    """As in `tests.worlds`, with a mailer."""
    clock = FrozenClock()
    app = create_app(url, clock, box, **settings)
    with app.app_context():
        found = World(app, clock)
        found.terms()
        yield found
        db.session.rollback()
        assert found.faults() == []
        db.session.remove()
        db.engine.dispose()


def rewarded(world: World, **jane: Any) -> tuple[ClientRow, ClientRow]:
    """Jane, who got 50 dollars for Kiera."""
    referrer = world.client("Jane Smith", **jane)
    kiera = world.client("Kiera Lopez", world.code(referrer))
    world.pay(world.invoice(kiera, 10000))
    return referrer, kiera


def work(world: World) -> int:
    """Let the worker do what waits; how many emails it sent."""
    return world.referrals.work().mailed


def waiting() -> list[str]:
    """The kinds of news that wait for an email."""
    db.session.rollback()
    return list(db.session.scalars(select(ActivityRow.kind).where(ActivityRow.mail_at.is_not(None))))


def test_a_reward_is_told_by_email_once_and_after_the_commit(world: World, box: Box) -> None:
    """ARCHITECTURE §7: nothing is sent in the payment; the worker does it, and not twice."""
    rewarded(world)
    assert box.mails == []
    assert work(world) == len(box.mails) == 2
    assert work(world) == 0
    assert len(box.mails) == 2
    came, paid = box.mails
    assert (came.to, came.subject) == ("jane.smith@mail.example", "Somebody came by your recommendation – us")
    assert "Kiera L. paid the first invoice, and you got $50.00 credit. Thank you!" in paid.text
    assert f"{SITE}/portal/referrals/" in paid.text
    assert f"{SITE}/portal/referrals/settings" in paid.html
    assert paid.headers["List-Unsubscribe"].startswith(f"<{SITE}/r/-/stop/")
    assert paid.headers["Message-ID"].endswith("@bills.example.com>")
    assert waiting() == []


def test_what_is_rolled_back_is_not_told(world: World, box: Box) -> None:
    """The outbox is in the transaction: no payment, no email."""
    jane = world.client("Jane Smith")
    kiera = world.client("Kiera Lopez", world.code(jane))
    invoice = world.invoice(kiera, 10000)
    work(world)
    box.mails.clear()
    invoice.paid, invoice.settled = invoice.total, True
    world.referrals.invoice_paid(invoice)
    db.session.rollback()
    assert work(world) == 0


def test_names_are_no_markup(world: World, box: Box) -> None:
    """A client's name is text, in HTML too, and no header is broken by it."""
    jane = world.client("Jane <img src=x>\nBcc: evil@x.example")
    world.client("Kiera <i>Lopez", world.code(jane))
    work(world)
    assert "<img" not in box.mails[0].html
    assert "<i>" not in box.mails[0].html
    assert all("\n" not in value for value in (box.mails[0].subject, *box.mails[0].headers.values()))


def test_in_the_recipients_language(world: World, box: Box) -> None:
    """Sentences, amounts and labels as the client reads them; English where there is no catalog."""
    rewarded(world, locale="de_DE")
    work(world)
    mail = box.mails[-1]
    assert mail.subject == "Sie haben eine Prämie erhalten – us"
    assert "Kiera L. hat die erste Rechnung bezahlt, und Sie haben 50,00\N{NO-BREAK SPACE}$ Guthaben" in mail.text
    assert 'lang="de"' in mail.html
    box.mails.clear()
    rewarded(world, locale="fi_FI", email="other@mail.example")
    work(world)
    assert box.mails[-1].subject == "You got a reward – us"


def test_what_fails_waits_longer_and_longer_and_is_given_up(world: World, box: Box) -> None:
    """A mail server that is down loses nothing for two days, and holds nothing up."""
    world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    box.broken = True
    assert work(world) == 0
    assert waiting() == ["attributed"]
    assert work(world) == 0
    for pause in mailbox.PAUSES[:-1]:
        world.clock.advance(seconds=pause.total_seconds())
        assert work(world) == 0
        assert waiting() == ["attributed"]
    world.clock.advance(seconds=mailbox.PAUSES[-1].total_seconds())
    box.broken = False
    assert work(world) == 1
    world.client("Ann Ash", world.code(world.client("Mark Oak")))
    box.broken = True
    work(world)
    for pause in mailbox.PAUSES:
        world.clock.advance(seconds=pause.total_seconds())
        work(world)
    assert waiting() == []


def test_two_workers_send_no_mail_twice(world: World, box: Box) -> None:
    """What one has claimed is leased; after a crash it is sent when the lease is over."""
    world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    with db.engine.begin() as connection:
        assert len(mailbox.claim(connection, mailbox.LETTERS, world.clock())) == 1
    assert work(world) == 0
    world.clock.advance(seconds=mailbox.LEASE.total_seconds() + 1)
    assert work(world) == 1


def test_a_client_chooses_and_the_link_ends_all(world: World, box: Box) -> None:
    """A switch per kind; the one-click link of an email switches all of them off."""
    jane = world.client("Jane Smith")
    browser = world.app.test_client()
    kiera = world.client("Kiera Lopez", world.code(jane))
    work(world)
    stop = box.mails[-1].headers["List-Unsubscribe"].strip("<>").removeprefix(SITE)
    assert browser.get(stop).status_code == 200
    world.pay(world.invoice(kiera, 10000))
    assert work(world) == 1
    assert browser.post(stop, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    world.client("Ann Ash", world.code(jane))
    assert work(world) == 0
    assert waiting() == []
    assert browser.post(stop.replace(".", ".x")).status_code == 404
    forged = links.sign_stop(world.app, "news", "default", "1")[:-3]
    assert browser.post(f"/r/-/stop/{forged}").status_code == 404


def test_who_has_no_address_gets_none(world: World, box: Box) -> None:
    """Nothing to send to is no failure."""
    world.client("Kiera Lopez", world.code(world.client("Jane Smith", email=None)))
    assert work(world) == 0
    assert waiting() == []


def test_unread_counts_what_was_not_seen(world: World) -> None:
    """The portal's own list, whatever goes by email."""
    jane, _ = rewarded(world)
    assert world.referrals.unread(world.value(jane)) == 2
    assert world.referrals.unread(world.value(world.client("Mark Oak"))) == 0


def test_an_invitation_that_we_send(world: World, box: Box) -> None:
    """The client's own words, its name, and a way to say: no more."""
    jane = world.client("Jane Smith")
    words = "Do <b>try</b> them!\nhttps://bills.example.com/r/ABC"
    assert world.referrals.invite(world.value(jane), "ann@ash.example", words).ok
    assert world.referrals.invite(world.value(jane), "ben@birch.example", " ").reason == "message_invalid"
    assert world.referrals.invite(world.value(jane), "ben@birch.example", "x" * 1001).reason == "message_invalid"
    db.session.commit()
    assert box.mails == []
    assert work(world) == 1
    mail = box.mails[0]
    assert (mail.to, mail.subject) == ("ann@ash.example", "A recommendation: us")
    assert mail.text.startswith(words)
    assert "Jane S." in mail.text
    assert "<b>" not in mail.html
    assert '<a href="https://bills.example.com/r/ABC"' in mail.html
    assert db.session.scalars(select(InvitationRow.sent_at)).one() is not None
    stop = mail.headers["List-Unsubscribe"].strip("<>").removeprefix(SITE)
    assert world.app.test_client().post(stop).status_code == 200
    mark = world.client("Mark Oak")
    assert world.referrals.invite(world.value(mark), "Ann@ash.example", words).reason == "no_invitations"
    assert world.referrals.invite(world.value(mark), "ann@ash.example").ok
    db.session.commit()


def test_who_opts_out_before_it_is_sent_gets_none(world: World, box: Box) -> None:
    """The suppression list is read when an invitation is sent, too."""
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    for row in (jane, mark):
        assert world.referrals.invite(world.value(row), "ann@ash.example", f"by {row.name}").ok
    db.session.commit()
    key = db.session.scalars(select(InvitationRow.email_key)).first()
    token = links.sign_stop(world.app, "invitations", "default", key or "")
    world.app.test_client().post(f"/r/-/stop/{token}")
    assert work(world) == 0
    assert box.mails == []


@pytest.mark.parametrize("settings", [{"REFERRALS_SITE_URL": SITE, "REFERRALS_INVITATIONS_PER_DAY": 2}])
def test_the_daily_limit_is_a_setting(world: World) -> None:
    """L2: so many addresses in 24 hours."""
    jane = world.value(world.client("Jane Smith"))
    reasons = [world.referrals.invite(jane, f"{name}@ash.example").reason for name in ("a", "b", "c")]
    assert reasons == [None, None, "too_many_invitations"]
    world.clock.advance(days=1, seconds=1)
    assert world.referrals.invite(jane, "c@ash.example").ok
    db.session.commit()


def test_settings_that_cannot_work_are_refused_at_once(box: Box) -> None:
    """A mailer without the site's address, and invitations without a mailer: said at `init_app`."""
    with pytest.raises(ConfigurationError, match="REFERRALS_SITE_URL"):
        create_app("sqlite://", None, box)
    with pytest.raises(ConfigurationError, match="mailer"):
        create_app("sqlite://", REFERRALS_INVITATIONS="sent")
    with pytest.raises(ConfigurationError, match="REFERRALS_SITE_URL is an address"):
        create_app("sqlite://", None, box, REFERRALS_SITE_URL="bills.example.com")


def test_every_kind_of_news_has_a_switch_and_a_subject() -> None:
    """No kind goes out under its own code."""
    from flask_referrals.words_news import kind_text

    assert all("_" not in kind_text(kind) and kind_text(kind) != kind.capitalize() for kind in NEWS)


class Inbox:
    """What a real SMTP server received."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep it, and say that it is accepted."""
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def test_by_flask_mailman_over_smtp(url: str) -> None:
    """The whole way: our outbox, Flask-Mailman, a server on the loopback, text and HTML in one message."""
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        config = {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": port,
            "MAIL_DEFAULT_SENDER": "Acme <bills@acme.example>",
            "REFERRALS_SITE_URL": SITE,
        }
        app = create_app(url, FrozenClock(), MailmanMailer(), **config)
        Mailman(app)
        with app.app_context():
            world = World(app, FrozenClock())
            world.terms()
            rewarded(world, locale="de")
            assert work(world) == 2
            db.session.remove()
            db.engine.dispose()
    finally:
        server.stop()
    message = inbox.messages[-1]
    assert message["To"] == "jane.smith@mail.example"
    assert message["From"] == "Acme <bills@acme.example>"
    assert message["Subject"] == "Sie haben eine Prämie erhalten – us"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Vielen Dank!" in text.get_content()
    assert "Vielen Dank!" in html.get_content()
