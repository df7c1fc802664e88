"""The docs say what the code does: their tables, figures and blocks are read from the pages and checked here.

What is checked stands behind a comment `<!-- checked: NAME -->` in the page: the table or fenced block that follows.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from blinker import NamedSignal
from flask import Flask
from sqlalchemy import select, text, update

import flask_referrals
from flask_referrals import Host, Money, Outcome, Referrals, ReferralsError, Terms, config, signals, spread, words
from flask_referrals.adapters import links, receivers, state
from flask_referrals.cli import group
from flask_referrals.domain import codes, states
from flask_referrals.domain.attribution import REFUSALS, Attempt, refusal
from flask_referrals.domain.contact import canonical_email, canonical_phone, short_name
from flask_referrals.domain.credit import CreditRefused, credit_to_hold
from flask_referrals.domain.discounts import discount_for
from flask_referrals.models import LedgerRow, ReferralRow, metadata
from flask_referrals.services.ledger import HASHED, entry_hash
from flask_referrals.testing import FrozenClock
from flask_referrals.web.settings_form import SettingsForm
from tests.integration.test_budgets import counted
from tests.minihost import InvoiceRow, create_app, db
from tests.worlds import World

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
Row = dict[str, str]

DISCOUNT = "algorithms/discount.md"
ATTRIBUTION = "algorithms/attribution.md"
LEDGER = "algorithms/ledger.md"


def read(page: str) -> str:
    """The page's text."""
    return (DOCS / page).read_text(encoding="utf-8")


def behind(page: str, name: str) -> list[str]:
    """The lines of the page behind its mark of that name."""
    _, mark, rest = read(page).partition(f"<!-- checked: {name} -->\n")
    assert mark, f"{page} has no mark {name!r}"
    return rest.splitlines()


def table(page: str, name: str) -> list[Row]:
    """The rows of a marked table, by the names of its columns."""
    lines = []
    for line in behind(page, name):
        if not line.startswith("|"):
            break
        lines.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    head, _, *rows = lines
    assert rows, f"the table {name!r} of {page} is empty"
    return [dict(zip(head, row, strict=True)) for row in rows]


def block(page: str, name: str) -> list[str]:
    """The lines of a marked block."""
    first, *lines = behind(page, name)
    assert first.startswith("```")
    return lines[: lines.index("```")]


def bare(cell: str) -> str:
    """A cell without its code marks, spaces inside them kept."""
    return cell[1:-1] if cell.startswith("`") and cell.endswith("`") else cell


def listed(cell: str) -> list[str]:
    """The code words of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def money(cell: str, currency: str | None = None) -> Money:
    """An amount such as `12.50 USD`."""
    amount, _, unit = cell.partition(" ")
    return Money.of(amount, currency or unit)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The smallest host on SQLite; its books are right in the end unless a test breaks them."""
    clock = FrozenClock()
    app = create_app(f"sqlite:///{tmp_path}/docs.sqlite3", clock, REFERRALS_STRICT=True)
    with app.app_context():
        db.create_all()
        app.extensions["referrals_object"].create_all()
        yield World(app, clock)
        db.session.remove()
        db.engine.dispose()


# -- the discount ----------------------------------------------------------------------------------------------------


DEAL = re.compile(r"(?P<percent>[\d.]+)%|at most (?P<cap>[\d.]+) \w+|from (?P<least>[\d.]+) \w+|(?P<amount>[\d.]+) \w+")


def deal(currency: str, words_of_it: str) -> Terms:
    """Terms with a deal such as `15%, at most 40.00 USD, from 50.00 USD`."""
    document: dict[str, Any] = {"currency": currency, "referrer_reward": {"kinds": ["credit"], "amount": "50"}}
    discount: dict[str, str] = {}
    for part in words_of_it.split(", "):
        if part == "nothing":
            continue
        kind = DEAL.fullmatch(part)
        assert kind, part
        found = {name: value for name, value in kind.groupdict().items() if value is not None}
        if "least" in found:
            document["discount_min_invoice"] = found["least"]
        else:
            discount |= found
    return Terms.from_document(document | ({"discount": discount} if discount else {}))


@pytest.mark.parametrize("row", table(DISCOUNT, "discount"))
def test_discount(row: Row) -> None:
    """D2, D4, M4: each worked example."""
    assert discount_for(deal(row["Terms in"], row["The deal"]), money(row["Subtotal"])) == money(row["Off"])


def test_spread_over_lines() -> None:
    """D2: the exact shares, what is rounded down, and who gets the cents that are left."""
    *lines, total = table(DISCOUNT, "spread")
    amounts = [money(line["Amount"]) for line in lines]
    subtotal = Money(sum(amount.minor for amount in amounts), "USD")
    off = subtotal.percent(Decimal("12.5"))
    assert (money(total["Amount"]), money(total["Discount"])) == (subtotal, off)
    parts = spread(off, [amount.minor for amount in amounts])
    for line, amount, part in zip(lines, amounts, parts, strict=True):
        exact = Decimal(off.minor * amount.minor) / subtotal.minor
        assert Decimal(line["Exact share in cents"]) == round(exact, 3)
        assert money(line["Rounded down"]).minor == int(exact)
        assert money(line["Discount"]) == part
        assert money(line["Taxable"]) == amount - part
    for column in ("Rounded down", "Discount", "Taxable"):
        assert money(total[column]).minor == sum(money(line[column]).minor for line in lines)
    assert Decimal(total["Exact share in cents"]) == off.minor


def test_tax_per_rate() -> None:
    """D2: each rate on its discounted lines, rounded once."""
    lines = table(DISCOUNT, "spread")[:-1]
    *rates, total = table(DISCOUNT, "tax")
    for row in rates:
        taxable = sum(money(line["Taxable"]).minor for line in lines if line["Tax rate"] == row["Tax rate"])
        assert money(row["Taxable"]).minor == taxable
        assert money(row["Tax"]) == Money(taxable, "USD").percent(Decimal(row["Tax rate"].rstrip("%")))
    assert {row["Tax rate"] for row in rates} == {line["Tax rate"] for line in lines}
    for column in ("Taxable", "Tax"):
        assert money(total[column]).minor == sum(money(row[column]).minor for row in rates)
    asked = money(total["Taxable"]) + money(total["Tax"])
    assert f"asked for {asked}" in read(DISCOUNT)


def test_discount_story(world: World) -> None:
    """D1, D3 to D5: taken, worked out again, freed, used."""
    world.terms(discount={"percent": "15", "cap": "40.00"}, discount_min_invoice="50.00")
    kiera = world.client("Kiera Lopez", world.code(world.client("Jane Smith")))
    invoices: dict[str, InvoiceRow] = {}
    for row in table(DISCOUNT, "story"):
        name, subtotal, verb = row["Invoice"], money(row["Subtotal"]).minor, row["What the host tells us"]
        if name not in invoices:
            invoices[name] = world.invoice(kiera, subtotal)
        invoice = invoices[name]
        invoice.subtotal = subtotal
        if verb == "paid":
            world.pay(invoice)
        elif verb == "refunded":
            world.refund(invoice)
        else:
            invoice.void = verb == "voided"
            getattr(world.referrals, f"invoice_{verb}")(invoice)
            db.session.commit()
        found = db.session.execute(select(ReferralRow.discount_minor, ReferralRow.discount_invoice_id)).one()
        place = next((key for key, value in invoices.items() if str(value.id) == found.discount_invoice_id), "")
        assert invoice.discount == money(row["Discount on it"]).minor, row
        assert row["The discount is"] == (f"on {place}" if found.discount_minor else "free"), row
    assert world.faults() == []


# -- attribution -----------------------------------------------------------------------------------------------------


def test_ways_in_their_order(world: World) -> None:
    """A1: what was typed before what was followed; a cookie that is no good is no way at all."""
    world.terms()
    jane, mark = world.client("Jane Smith"), world.client("Mark Oak")
    now = world.clock.now
    followed = links.sign(world.app, links.Followed("default", world.code(mark), now))
    old = links.sign(world.app, links.Followed("default", world.code(mark), now - timedelta(days=90)))
    typed = {"Jane's code": world.code(jane), "an unknown code": "NO-SUCH-CODE", "nothing": None}
    cookies: dict[str, str | bool] = {"Mark's": followed, "forged": followed + "x", "too old": old, "nothing": False}
    people = {str(jane.id): "Jane", str(mark.id): "Mark"}
    for number, row in enumerate(table(ATTRIBUTION, "ways")):
        client = world.client(f"New Comer {number}")
        outcome: Outcome = world.referrals.client_registered(client, typed[row["Typed"]], link=cookies[row["Link"]])
        db.session.commit()
        referral = outcome.referral
        assert row["Bound to"] == ("nobody" if referral is None else people[referral.referrer_id]), row
        assert row["By"] == ("no way" if referral is None else referral.via), row
        told = [one.reason for one in outcome.tried if one.reason]
        assert row["Told"] == (", ".join(told) or "nothing"), row


def test_every_refusal_has_its_sentence() -> None:
    """A3: the list in its order, with the sentences that people read."""
    rows = table(ATTRIBUTION, "refusals")
    assert [bare(row["Reason"]) for row in rows] == list(REFUSALS)
    for row in rows:
        assert words.refusal_text(bare(row["Reason"])) == row["The sentence"]


FLAWS: dict[str, dict[str, bool]] = {
    "the referrer is blocked": {"referrer_blocked": True},
    "the program is off": {"program_on": False},
    "the client has paid before": {"existing_client": True},
    "has a referral": {"already_referred": True},
    "it is the client's own code": {"same_person": True},
    "the code is switched off": {"code_active": False},
    "codes are not accepted here": {"accepted_here": False},
    "nothing": {},
}


@pytest.mark.parametrize("row", table(ATTRIBUTION, "order"))
def test_the_first_reason_is_told(row: Row) -> None:
    """A3: of several, the first of the list."""
    flaws: dict[str, bool] = {}
    for flaw in re.split(r",? and ", row["What is wrong"]):
        flaws |= FLAWS[flaw]
    told = refusal(Attempt(key="K7FQ2M9Y", code_found=True, **flaws))
    assert bare(row["Told"]) == (told or "nothing")


def test_canonical_forms() -> None:
    """A4, G2: email addresses, telephone numbers, names."""
    for row in table(ATTRIBUTION, "email"):
        assert (canonical_email(bare(row["Written"])) or "none") == bare(row["Canonical"])
    for row in table(ATTRIBUTION, "phone"):
        assert (canonical_phone(bare(row["Written"]), row["Region"]) or "none") == bare(row["Canonical"])
    for row in table(ATTRIBUTION, "name"):
        assert short_name(row["Name"]) == row["The referrer sees"]


def test_typed_codes() -> None:
    """C2, C3: the fold, and what is said of a code that is nobody's."""
    assert block(ATTRIBUTION, "alphabet") == [codes.ALPHABET]
    for row in table(ATTRIBUTION, "codes"):
        key = codes.canonical(bare(row["Typed"]))
        assert key == bare(row["Looked up as"])
        assert refusal(Attempt(key=key, code_found=False)) == bare(row["If it is nobody's code"])


def test_check_character_by_hand() -> None:
    """C2: each step of the sum, and the code that comes of it."""
    rows = table(ATTRIBUTION, "check character")
    position = 28
    for row in rows:
        number = codes.ALPHABET.index(row["Character"])
        total = position + number
        rest = total % 28 or 28
        found = (number, position, total, rest, position := rest * 2 % 29)
        columns = ("Number", "Before", "Sum", "Remainder by 28", "Doubled, remainder by 29")
        assert tuple(int(row[column]) for column in columns) == found
    body = "".join(row["Character"] for row in rows)
    check = codes.check_character(body)
    assert check == codes.ALPHABET[(29 - position) % 28]
    left = 29 - position
    assert f"is number 29 − {position} = {left} of the alphabet: `{check}`." in read(ATTRIBUTION)
    assert f"So the code is `{codes.spoken(body + check)}`." in read(ATTRIBUTION)


# -- the ledger ------------------------------------------------------------------------------------------------------


class LedgerStory:
    """Jane, Ann and their invoices; a method per sentence of the story."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.terms()
        self.jane = world.client("Jane Smith")
        self.ann = world.client("Ann Ash", world.code(self.jane))
        self.first = world.invoice(self.ann, 20000)
        self.j1, self.j2 = world.invoice(self.jane, 3300), world.invoice(self.jane, 3300)
        referrals = world.referrals
        self.steps: dict[str, Callable[[], object]] = {
            "Ann pays her first invoice": lambda: world.pay(self.first),
            "Jane uses all she can on J1": lambda: referrals.use_credit(self.j1),
            "Jane uses all she can on J2": lambda: referrals.use_credit(self.j2),
            "Jane takes the credit off J1": lambda: referrals.take_off_credit(self.j1),
            "J2 is paid, 16.00 of it in money": self._pay_j2,
            "Jane uses 10.00 on J1": lambda: referrals.use_credit(self.j1, Money.of("10.00", "USD")),
            "J1 is voided": self._void_j1,
            "Ann's payment is refunded": lambda: world.refund(self.first),
            "J2 is refunded": lambda: world.refund(self.j2),
            "Ann pays another invoice": lambda: world.pay(world.invoice(self.ann, 20000)),
            "any of these once more": self._again,
        }

    def _pay_j2(self) -> None:
        assert self.j2.total - self.j2.credit == 1600
        self.world.pay(self.j2)

    def _void_j1(self) -> None:
        self.j1.void = True
        self.world.referrals.invoice_voided(self.j1)

    def _again(self) -> None:
        self.world.referrals.invoice_voided(self.j1)
        self.world.referrals.take_off_credit(self.j1)
        self.world.referrals.invoice_refunded(self.j2)
        self.world.referrals.invoice_refunded(self.first)

    def entries(self) -> list[Any]:
        """The entries of Jane's account so far."""
        return list(
            db.session.execute(select(LedgerRow.amount, LedgerRow.seq, LedgerRow.balance).order_by(LedgerRow.id))
        )


def test_ledger_story(world: World) -> None:
    """K1, K2, K4, K5: what each step writes, and what Jane can spend after it."""
    story = LedgerStory(world)
    for row in table(LEDGER, "story"):
        before = len(story.entries())
        story.steps[row["What happens"]]()
        db.session.commit()
        entries = story.entries()
        found = world.referrals.balance(world.value(story.jane), "USD")
        assert len(entries) == before + bool(row["Entry"]), row
        assert (entries[-1].seq, entries[-1].balance) == (int(row["Seq"]), money(row["Balance"], "USD").minor), row
        if row["Entry"]:
            assert entries[-1].amount == money(row["Entry"], "USD").minor, row
        assert found.held == money(row["Held"], "USD"), row
        assert found.available == money(row["Can be spent"], "USD"), row
    assert world.faults() == []


@pytest.mark.parametrize("row", table(LEDGER, "credit to hold"))
def test_credit_to_hold(row: Row) -> None:
    """K2, K5: never more than there is, nor than is left to pay."""
    asked = None if row["Asked for"] == "all there is" else money(row["Asked for"])
    try:
        found = str(credit_to_hold(money(row["Can be spent"]), money(row["Left to pay"]), asked))
    except CreditRefused as refused:
        found = refused.reason
    assert found == bare(row["Held, or told"])


def test_reasons_of_entries() -> None:
    """K1: every reason that a client reads, and no other; keys as the code writes them."""
    rows = table(LEDGER, "reasons")
    assert {bare(row["Reason"]) for row in rows} == set(words._ENTRIES)
    source = "".join(path.read_text() for path in Path(flask_referrals.__file__).parent.glob("services/*.py"))
    for row in rows:
        pattern = re.sub(r"ID|LEFT", "{[a-z_.]+}", re.escape(bare(row["Key"])))
        assert re.search(f'f"{pattern}"', source), row


def test_hash_chain() -> None:
    """K1: the text that is hashed, its hash, and the hash that the ledger writes."""
    lines = block(LEDGER, "hash chain")
    before = ""
    balance = 0
    for number, (line, digest) in enumerate(zip(lines[::2], lines[1::2], strict=True), 1):
        head, org, client, currency, *facts, at = json.loads(line)
        entry = dict(zip(HASHED, facts, strict=True)) | {"at": datetime.fromisoformat(at)}
        balance += entry["amount"]
        assert (head, entry["seq"], entry["balance"]) == (before, number, balance)
        assert hashlib.sha256(line.encode()).hexdigest() == digest
        assert entry_hash(head, (org, client, currency), entry) == digest
        before = digest


def test_verify_tells_what_is_wrong(world: World) -> None:
    """K1: the command's own words, for books that are right and for books that somebody has forged."""
    story = LedgerStory(world)
    for name in ("Ann pays her first invoice", "Jane uses all she can on J2"):
        story.steps[name]()
    story.world.pay(story.j2)
    story.steps["Ann's payment is refunded"]()
    db.session.commit()
    run_console(world.app, block(LEDGER, "verify right"))
    db.session.execute(text("DROP TRIGGER referrals_ledger_no_update"))
    db.session.execute(update(LedgerRow).where(LedgerRow.seq == 2).values(amount=-100))
    db.session.commit()
    run_console(world.app, block(LEDGER, "verify wrong"), code=1)


def run_console(app: Flask, lines: list[str], *, code: int = 0) -> None:
    """Run each `$ flask …` of a block and compare what it prints; a line of `…` stands for any number of lines."""
    assert lines[0].startswith("$ ")
    shown: list[str] = []
    output: list[str] | None = None
    for line in [*lines, "$ end"]:
        if not line.startswith("$ "):
            shown.append(line)
            continue
        if output is not None and shown:
            wanted = "\n".join(".*" if one == "…" else re.escape(one) for one in shown)
            assert re.fullmatch(wanted, "\n".join(output), re.DOTALL), "\n".join(output)
        shown = []
        words_of_it = shlex.split(line.removeprefix("$ "))
        if words_of_it[0] == "flask":
            arguments = words_of_it[words_of_it.index("referrals") :]
            result = app.test_cli_runner().invoke(args=arguments)
            assert result.exit_code == code, result.output
            output = result.output.splitlines()
        else:
            output = None


# -- reference and concepts ------------------------------------------------------------------------------------------

REFERENCE = "reference.md"


def test_settings_and_their_defaults() -> None:
    """Every field of the settings is documented with its default, and no other."""
    wanted = {f"REFERRALS_{field.name.upper()}": repr(field.default) for field in fields(config.Settings)}
    assert {bare(row["Setting"]): bare(row["Default"]) for row in table(REFERENCE, "settings")} == wanted


def arguments_of(signal: NamedSignal) -> list[str]:
    """The arguments that a signal's docstring names."""
    return re.findall(r"(?:Arguments?: |; )`(\w+)`", " ".join((signal.__doc__ or "").split()))


def test_signals_and_their_arguments() -> None:
    """Every signal, on its side, with every argument of its contract; and for what ours are fired."""
    found = {name: value for name, value in vars(signals).items() if isinstance(value, NamedSignal)}
    heard = {name for name, signal in found.items() if signal in (signals.client_registered, *_heard())}
    rows_in, rows_out = table(REFERENCE, "signals in"), table(REFERENCE, "signals out")
    assert {bare(row["Signal"]) for row in rows_in} == heard
    assert {bare(row["Signal"]) for row in rows_out} == set(found) - heard
    for row in [*rows_in, *rows_out]:
        assert listed(row["Arguments"]) == arguments_of(found[bare(row["Signal"])]), row
    for row in rows_out:
        signal = found[bare(row["Signal"])]
        kinds = {kind for kind, fired in state._ANNOUNCED.items() if signal in fired}
        assert set(listed(row["Fired for"])) == kinds, row


def test_kinds_of_log_lines() -> None:
    """Every kind that the services log is named on the page."""
    folder = Path(flask_referrals.__file__).parent / "services"
    sources = "".join(path.read_text() for path in folder.glob("*.py"))
    kinds = set(re.findall(r"unit\.record\(\s*\"(\w+)\"", sources))
    assert len(kinds) > 5
    assert kinds | set(state._ANNOUNCED) <= set(listed(read(REFERENCE)))


def _heard() -> list[NamedSignal]:
    return [signal for _, signal in receivers._INVOICE_RECEIVERS]


def test_public_names() -> None:
    """`flask_referrals.__all__`, the methods of Referrals with their arguments, and the errors with their codes."""
    names = [name for row in table(REFERENCE, "names") for name in listed(row["Name"])]
    assert sorted(names) == sorted(flask_referrals.__all__)
    methods = {name: value for name, value in vars(Referrals).items() if not name.startswith("_")}
    documented = {bare(row["Method"]).partition("(")[0]: bare(row["Method"]) for row in table(REFERENCE, "referrals")}
    assert set(documented) == set(methods)
    for name, shown in documented.items():
        parameters = [one for one in inspect.signature(methods[name]).parameters.values() if one.name != "self"]
        plain = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
        assert shown == name + str(inspect.Signature(plain))
    errors = {
        error.__name__: error.code
        for error in ReferralsError.__subclasses__()
        if error.__module__.startswith("flask_referrals")
    }
    assert {bare(row["Error"]): bare(row["`code`"]) for row in table(REFERENCE, "errors")} == errors


def test_refusals_of_credit() -> None:
    """Every refusal that has a sentence stands on one of the two pages."""
    rows = table(REFERENCE, "credit refusals")
    assert {bare(row["Reason"]) for row in rows} | set(REFUSALS) == set(words._REFUSALS)
    for row in rows:
        assert words.refusal_text(bare(row["Reason"])) == row["The sentence"]


def test_keys_of_the_terms() -> None:
    """The keys that terms with everything in them have."""
    everything = deal("USD", "15%, at most 40.00 USD, from 50.00 USD").document()
    everything |= {"referee_reward": {"amount": "5.00"}, "min_paid": "60.00", "qualifies_on": "registration"}
    everything |= {"tiers": [{"from": 3, "amount": "80"}], "milestones": [{"at": 9, "amount": "9"}], "approval": "all"}
    everything |= dict.fromkeys(("hold_days", "qualify_within_days", "credit_expires_days"), 9)
    everything |= {"limits": {"total": 9}, "auto_apply_credit": True, "min_payout": "9", "yearly_limit": "9"}
    assert set(Terms.from_document(everything).document()) == {bare(row["Key"]) for row in table(REFERENCE, "terms")}


def commands(found: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    for name, command in found.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_commands_and_their_options() -> None:
    """Every command and option is documented; and no page names a command that does not exist."""
    there = dict(commands(group, "flask referrals"))
    rows = table(REFERENCE, "commands")
    assert {bare(row["Command"]) for row in rows} == set(there)
    for row in rows:
        options = [one for one in there[bare(row["Command"])].params if one.name != "help"]
        names = [(one.name or "").upper() if isinstance(one, click.Argument) else one.opts[0] for one in options]
        assert listed(row["Options"]) == names, row
    for page in PAGES:
        for named in re.findall(r"flask (?:--app shop )?(referrals(?: [a-z]+)+)", page.read_text()):
            parts = f"flask {named}".split()
            assert any(
                name.split() == parts[: len(name.split())] or name.startswith(" ".join(parts)) for name in there
            ), (page, named)


def test_pages_and_macros(world: World) -> None:
    """Every address of ours with its endpoint, and the macros that hosts may use."""
    ours = {
        (rule.rule, rule.endpoint) for rule in world.app.url_map.iter_rules() if rule.endpoint.startswith("referrals")
    }
    ours = {(rule, endpoint) for rule, endpoint in ours if not endpoint.endswith(".static")}
    assert {(bare(row["Address"]), bare(row["Endpoint"])) for row in table(REFERENCE, "pages")} == ours
    for row in table(REFERENCE, "macros"):
        template = (Path(flask_referrals.__file__).parent / "templates" / bare(row["Template"])).read_text()
        assert f"macro {bare(row['Macro'])}" in template, row


def test_states_and_steps() -> None:
    """Every state, and every step between them."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for row in table(REFERENCE, "states"):
        found.setdefault(row["Thing"], {})[bare(row["From"])] = frozenset(listed(row["To"]))
    assert found == {name: dict(steps) for name, steps in states._STEPS.items()}


def test_methods_of_the_host() -> None:
    """Every method of Host is documented, and which of them have to be written."""
    methods = {name: value for name, value in vars(Host).items() if callable(value) and not name.startswith("_")}
    needed = {name for name, method in methods.items() if "raise NotImplementedError" in inspect.getsource(method)}
    rows = table("concepts.md", "host")
    assert {bare(row["Method"]) for row in rows} == set(methods)
    assert {bare(row["Method"]) for row in rows if row["Needed"] == "yes"} == needed


# -- architecture and rules ------------------------------------------------------------------------------------------


def test_the_statements_of_a_payment(world: World) -> None:
    """§5: the six statements, in their order, on the tables that the page names."""
    world.terms(referee_reward={"amount": "5.00"})
    jane = world.client("Jane Smith")
    world.client("Warm Up", world.code(jane))
    invoice = world.invoice(world.client("Kiera Lopez", world.code(jane)), 20000)
    with counted() as statements:
        world.pay(invoice)
    ours = []
    for statement in statements:
        verb = statement.split()[0]
        tables = dict.fromkeys(re.findall(r"(?:FROM|JOIN|UPDATE|INTO) (referrals_\w+)", statement))
        ours.append(f"{verb} {', '.join(tables)}")
    rows = table("architecture.md", "paid")
    assert [row["Statement"] for row in rows] == ours[: len(rows)]
    assert [int(row["No."]) for row in rows] == list(range(1, len(rows) + 1))
    assert all("referrals_activity" in statement for statement in ours[len(rows) :]), "delivery, after the commit"


def test_the_tables_that_the_pages_name() -> None:
    """No page names a table that isn't there."""
    for page in PAGES:
        for name in re.findall(r"`(referrals_(?!alembic|link|admin)\w+)`", page.read_text()):
            assert name in metadata.tables, (page, name)


def test_every_rule_is_marked() -> None:
    """Each numbered rule either holds today or is in the table of the rest, and none in both."""
    rules = re.findall(r"^- \[([A-Z]\d+)\]", read("rules.md").split("## Choices")[0], re.MULTILINE)
    hold = [rule for row in table("rules.md", "hold") for rule in row["Rules"].split(", ")]
    rest = [row["Rule"] for row in table("rules.md", "rest")]
    assert len(rules) == len(set(rules)) > 60
    assert sorted(hold + rest) == sorted(rules)
    gaps = re.findall(r"^- \[([A-Z]\d+)\]", read("rules.md").split("## Known gaps")[1], re.MULTILINE)
    assert not set(gaps) & set(hold)
    assert {row["Rule"] for row in table("rules.md", "rest") if "Known gaps" in row["What is missing"]} <= set(gaps)


# -- the tutorial ----------------------------------------------------------------------------------------------------


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Language and text of each fenced block, in order; indented ones too."""
    for indent, language, body in re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", read(page), re.MULTILINE | re.DOTALL):
        yield language, "\n".join(line.removeprefix(indent) for line in body.splitlines())


FILE = re.compile(r"(?:# |\{# )(shop/[\w/.]+)(?: #\})?\n")


def test_the_tutorial_plays_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is written, every script and command run, in the order of the page, on a database of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    script: dict[str, Any] = {}
    try:
        for language, body in blocks("tutorial.md"):
            if found := FILE.match(body):
                path = tmp_path / found[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(body + "\n", encoding="utf-8")
                forget_shop()
            elif language == "python":
                if "save_terms" in body:
                    save_by_form(make_shop())
                exec(compile(body, "tutorial.md", "exec"), script)
            elif language == "console":
                run_console(script["app"] if "app" in script else make_shop(), body.splitlines())
    finally:
        forget_shop()


def test_the_readme_shows_the_same_module() -> None:
    """The README's module is the tutorial's, which is run."""
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    [module] = [body for _, body in blocks("tutorial.md") if body.startswith("# shop/referrals.py")]
    assert module in readme


def make_shop() -> Flask:
    """The tutorial's app."""
    from importlib import import_module

    app: Flask = import_module("shop").create_app()
    return app


def forget_shop() -> None:
    """Let the next import read the files anew."""
    for name in [name for name in sys.modules if name == "shop" or name.startswith("shop.")]:
        del sys.modules[name]


def save_by_form(app: Flask) -> None:
    """What the tutorial lets staff type, saved by the real form; then the switch."""
    browser = app.test_client()
    browser.post("/log-in", data={"staff": "yes"})
    page = browser.get("/admin/referrals/settings").text
    tokens = dict(re.findall(r'type="hidden" name="(referrals_csrf)" value="([^"]+)"', page))
    with app.test_request_context():
        labels = {field.label.text: field.name for field in SettingsForm()}
    typed: dict[str, Any] = {labels[row["Field"]]: row["Value"] for row in table("tutorial.md", "form")}
    typed["accept_codes_at"] = typed["accept_codes_at"].split(", ")
    saved = browser.post("/admin/referrals/settings", data=tokens | typed | {"action": "save"})
    assert saved.status_code == 303, saved.text
    switched = browser.post("/admin/referrals/switch", data=tokens | {"program": "on"})
    assert switched.status_code == 303
    assert "The program is on" in browser.get(switched.location).text


# -- all pages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to another page, and to a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        other = page if not path else (page.parent / path).resolve()
        assert other.exists(), target
        headings = re.findall(r"^#+ (.+)$", other.read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_python_of_every_page_compiles(page: Path) -> None:
    """Also where it isn't run; and each page can be reached from the index."""
    name = str(page.relative_to(DOCS))
    for language, body in blocks(name):
        if language == "python":
            compile(body, name, "exec")
    assert name == "index.md" or f"({name})" in read("index.md")


def test_settings_of_every_page_exist() -> None:
    """No page names a setting that there isn't."""
    known = {f"REFERRALS_{field.name.upper()}" for field in fields(config.Settings)}
    for page in PAGES:
        assert set(re.findall(r"REFERRALS_[A-Z_]*[A-Z]", page.read_text())) <= known, page
