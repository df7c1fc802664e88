"""Emails by Flask-Mailman (extra `mail`), with whatever backend and server the host has set it up for."""

from __future__ import annotations

from ..services.ports import Mail


class MailmanMailer:
    """Sends by the Flask-Mailman of the current app: `Referrals(host, db=db, mailer=MailmanMailer())`.

    The sender is Flask-Mailman's `MAIL_DEFAULT_SENDER`; errors are those of its backend.
    """

    def send(self, mail: Mail) -> None:
        """Send it as text with an HTML alternative."""
        from flask_mailman import EmailMultiAlternatives

        message = EmailMultiAlternatives(mail.subject, mail.text, to=[mail.to], headers=dict(mail.headers))
        message.attach_alternative(mail.html, "text/html")
        message.send()
