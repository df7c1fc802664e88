"""The wheel carries everything, and runs the loop in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from textwrap import dedent
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
NO_INDEX = ("No matching distribution", "Could not find a version", "Temporary failure", "Connection")

pytestmark = pytest.mark.slow

APP = '''
"""A host in one file: clients, invoices, the extension."""
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_referrals import Client, Host, Invoice, Money, Referrals


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Person(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Bill(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int]
    subtotal: Mapped[int]
    discount: Mapped[int] = mapped_column(default=0)
    credit: Mapped[int] = mapped_column(default=0)
    paid: Mapped[int] = mapped_column(default=0)


class MyHost(Host):
    def client(self, record):
        return Client(id=str(record.id), name=record.name)

    def invoice(self, record):
        def usd(minor):
            return Money(minor, "USD")

        due = record.subtotal - record.discount - record.credit - record.paid
        return Invoice(
            id=str(record.id), client_id=str(record.person_id), subtotal=usd(record.subtotal),
            total=usd(record.subtotal - record.discount), due=usd(due), paid=usd(record.paid),
            credit=usd(record.credit), settled=due == 0,
        )

    def find_client(self, org, client_id):
        return db.session.get(Person, int(client_id))

    def find_invoice(self, org, invoice_id):
        return db.session.get(Bill, int(invoice_id))

    def has_paid_invoice(self, client):
        return bool(db.session.scalar(select(Bill.id).where(Bill.person_id == int(client.id), Bill.paid > 0)))

    def client_ids(self, org, after, limit):
        query = select(Person.id).where(Person.id > int(after or 0)).order_by(Person.id).limit(limit)
        return [str(one) for one in db.session.scalars(query)]

    def apply_discount(self, record, discount):
        record.discount = discount.minor

    def apply_credit(self, record, credit):
        record.credit = credit.minor


referrals = Referrals(MyHost(), db=db)


def create_app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="secret", SQLALCHEMY_DATABASE_URI="sqlite:///loop.sqlite3")
    db.init_app(app)
    referrals.init_app(app)
    return app
'''
LOOP = """
import app as host
import flask_referrals
from flask_referrals import Terms
from app import Bill, Person, db, referrals

print(flask_referrals.__file__)
terms = {
    "currency": "USD",
    "discount": {"percent": "15"},
    "referrer_reward": {"kinds": ["credit"], "amount": "50.00"},
}
app = host.create_app()
with app.app_context():
    db.metadata.create_all(db.engine, tables=[Person.__table__, Bill.__table__])
    referrals.save_terms("default", Terms.from_document(terms))
    referrals.switch("default", on=True)
    jane, kiera = Person(name="Jane Smith"), Person(name="Kiera Lopez")
    db.session.add_all([jane, kiera])
    db.session.flush()
    client = host.MyHost().client(jane)
    code = referrals.code(client)
    referrals.client_registered(kiera, code.text)
    bill = Bill(person_id=kiera.id, subtotal=20000, discount=0, credit=0, paid=0)
    db.session.add(bill)
    db.session.flush()
    referrals.invoice_created(bill)
    bill.paid = bill.subtotal - bill.discount
    referrals.invoice_paid(bill)
    db.session.commit()
    print(bill.discount, referrals.balance(client, "USD").available.minor)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


def run(*command: str, cwd: Path) -> str:
    """The output of a command that must succeed, without our path or settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "FLASK", "COV", "REFERRALS"))
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_carries_everything(wheel: Path) -> None:
    """Every file of the package and of the migrations is in the wheel, and no test, example or cache."""
    names = set(ZipFile(wheel).namelist())
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "flask_referrals").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    history = {
        f"flask_referrals/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "migrations").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == files | history
    wanted = {"py.typed", "migrations/env.py", "migrations/script.py.mako", "migrations/versions/0001_the_loop.py"}
    assert {f"flask_referrals/{name}" for name in wanted} <= packed
    for folder in ("templates/referrals/", "static/referrals/"):
        assert any(name.startswith(f"flask_referrals/{folder}") for name in packed), folder


def test_the_wheel_runs_the_loop_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed with nothing but what it asks for, it makes its tables, runs the loop, and its books are right."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in NO_INDEX):
        pytest.skip("no package index answers")
    assert done.returncode == 0, done.stderr

    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "loop.py").write_text(dedent(LOOP))

    def flask(*arguments: str) -> str:
        return run(python, "-W", "error", "-m", "flask", *arguments, cwd=tmp_path)

    assert "upgraded from nothing to 0005" in flask("referrals", "db", "upgrade")
    where, amounts = run(python, "loop.py", cwd=tmp_path).splitlines()
    assert where.startswith(str(tmp_path / "venv"))
    assert amounts == "3000 5000"
    assert flask("referrals", "ledger", "verify") == "1 accounts, 1 entries: the books are right\n"
    assert flask("referrals", "codes", "backfill") == "default: 2 clients seen, 1 codes made\n"
    assert flask("referrals", "db", "check") == "our tables are right, at 0005\n"
    assert "fail" not in flask("referrals", "doctor")
    assert flask("referrals", "work") == "repaired 0, delivered 0\n"
