"""The referral program: how flask_referrals is plugged into this app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for
from flask_login import current_user
from sqlalchemy import select

from flask_referrals import Client, Host, Invoice, Money, Referrals, spread
from flask_referrals.adapters.mail import MailmanMailer

from . import cash, clock, models
from .extensions import db
from .models import Business, Status


class ExampleHost(Host):
    """What the program asks this app; an org is a business, by its slug."""

    def client(self, record: Any) -> Client:
        org = record.business.slug
        return Client(id=str(record.id), org=org, name=record.name, email=record.email, phone=record.phone)

    def invoice(self, record: Any) -> Invoice | None:
        def money(minor: int) -> Money:
            return Money.from_minor(minor, record.currency)

        if record.status == Status.DRAFT:
            return None
        return Invoice(
            id=str(record.id),
            org=record.business.slug,
            client_id=str(record.client_id),
            number=record.number,
            subtotal=money(record.subtotal_minor),
            total=money(record.total_minor),
            due=money(record.due_minor),
            paid=money(record.money_kept_minor),
            credit=money(record.credit_minor),
            settled=record.status == Status.PAID,
            void=record.status == Status.VOID,
        )

    def find_client(self, org: str, client_id: str) -> Any | None:
        return self._find(models.Client, org, client_id)

    def find_invoice(self, org: str, invoice_id: str) -> Any | None:
        return self._find(models.Invoice, org, invoice_id)

    def _find(self, model: Any, org: str, number: str) -> Any | None:
        record = db.session.get(model, int(number)) if number.isdecimal() else None
        return record if record is not None and record.business.slug == org else None

    def has_paid_invoice(self, client: Client) -> bool:
        paid = select(models.Invoice.id).filter_by(client_id=int(client.id), status=Status.PAID)
        return db.session.scalar(paid.limit(1)) is not None

    def client_invoices(self, client: Client) -> Sequence[models.Invoice]:
        mine = select(models.Invoice).filter_by(client_id=int(client.id)).order_by(models.Invoice.id)
        return db.session.scalars(mine).all()

    def client_ids(self, org: str, after: str | None, limit: int) -> Sequence[str]:
        ids = select(models.Client.id).join(Business).where(Business.slug == org, models.Client.id > int(after or 0))
        return [str(number) for number in db.session.scalars(ids.order_by(models.Client.id).limit(limit))]

    def orgs(self) -> Sequence[str]:
        return db.session.scalars(select(Business.slug)).all()

    def apply_discount(self, record: Any, discount: Money) -> None:
        parts = spread(discount, [line.amount_minor for line in record.lines])
        record.apply_discount([part.minor for part in parts], "Referral discount")

    def apply_credit(self, record: Any, credit: Money) -> None:
        record.apply_credit(credit.minor)

    def service_line(self, record: Any, service: str) -> Money | None:
        line = record.line_of(service)
        return None if line is None else Money.from_minor(line.net_minor, record.currency)

    def apply_voucher(self, record: Any, service: str, amount: Money) -> None:
        line = record.line_of(service)
        if line is not None:
            line.voucher_minor = amount.minor

    def current_client(self) -> Client | None:
        return self.client(current_user) if getattr(current_user, "kind", None) == "client" else None

    def is_staff(self) -> bool:
        return getattr(current_user, "kind", None) == "staff"

    def current_org(self) -> str:
        slug = (request.view_args or {}).get("slug")  # a page of one business, for everybody
        return str(slug or (current_user.business.slug if current_user.is_authenticated else super().current_org()))

    def actor(self) -> str:
        return str(current_user.name)

    def org_name(self, org: str) -> str:
        return self._business(org).name

    def timezone(self, org: str) -> ZoneInfo:
        return ZoneInfo(self._business(org).timezone)

    def _business(self, org: str) -> Business:
        return db.session.scalars(select(Business).filter_by(slug=org)).one()

    def registration_url(self, org: str) -> str:
        return url_for("public.register", slug=org)

    def login_url(self, org: str) -> str:
        return url_for("auth.client_login", slug=org) if org in self.orgs() else url_for("public.index")

    def staff_login_url(self) -> str:
        return url_for("auth.staff_login")

    def client_url(self, org: str, client_id: str) -> str | None:
        return url_for("staff.client", client_id=client_id)

    def invoice_url(self, org: str, invoice_id: str) -> str | None:
        return url_for("staff_invoice.show", invoice_id=invoice_id)


host = ExampleHost()
referrals = Referrals(host, db=db, mailer=MailmanMailer(), gateway=cash.gateway, clock=clock.now)
