"""What `flask referrals doctor` looks at: each finding says what is wrong and the line or command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Literal

from flask import Flask
from jinja2 import Environment, TemplateNotFound, nodes
from sqlalchemy import Connection, func, inspect, select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from ..config import TOKEN_PART
from ..host import Client, Host
from ..models import ActivityRow, RetryRow, metadata
from . import migrations
from .model_host import ModelHost
from .state import State
from .tables import VERSION_TABLE, engine_of, is_hidden, missing_triggers
from .templates import PLAIN_BASE, get_templates

Level = Literal["ok", "warn", "fail"]
#: What a host must answer, and what happens without.
_MUST = (
    "client", "invoice", "find_client", "find_invoice", "client_ids", "apply_credit",
)  # fmt: skip
#: Methods of a ModelHost that are answered by naming an attribute.
_BY_NAME = {"apply_discount": "invoice_discount", "apply_credit": "invoice_credit"}
_OVERDUE = timedelta(hours=1)
_UPGRADE = "run `flask referrals db upgrade`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` says what to do where it isn't ok."""

    level: Level
    text: str
    remedy: str = ""


def examine(state: State) -> Iterator[Finding]:
    """Look at everything; a database that does not answer ends it."""
    yield from _secret(state.app)
    yield from _addresses(state)
    yield from _template(state)
    yield from _blueprints(state)
    yield from _overridden(state.host)
    yield from _phone()
    engine = engine_of(state.session())
    try:
        connection = engine.connect()
    except Exception as error:
        text = f"the database does not answer: {_first_line(error)}"
        yield Finding("fail", text, "look at SQLALCHEMY_DATABASE_URI, and whether the server runs")
        return
    with connection:
        yield from _database(connection)
        tables = list(_tables(connection))
        yield from tables
        yield from _migrate(state.app)
        if not any(one.level == "fail" for one in tables):
            yield from _backlog(state, connection)
    yield from _answers(state)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _secret(app: Flask) -> Iterator[Finding]:
    if app.secret_key:
        yield Finding("ok", "the app has a secret key")
    else:
        yield Finding("fail", "the app has no secret key, so links and forms cannot be signed", "set SECRET_KEY")


def _addresses(state: State) -> Iterator[Finding]:
    """Our pages' prefixes: apart from each other, and not taken by a rule of the host's."""
    settings = state.settings
    kinds = {
        "portal": ("REFERRALS_PORTAL_PREFIX", settings.portal_prefix),
        "admin": ("REFERRALS_ADMIN_PREFIX", settings.admin_prefix),
        "links": ("REFERRALS_LINK_PREFIX", settings.link_prefix),
    }
    prefixes = dict(kinds[kind] for kind in settings.pages)
    clear = True
    for name, prefix in prefixes.items():
        if list(prefixes.values()).count(prefix) > 1:
            clear = False
            yield Finding(
                "fail", f"{name} {prefix!r} is the prefix of other pages of ours too", f"set {name} to another"
            )
        for rule in state.app.url_map.iter_rules():
            if not rule.endpoint.startswith("referrals") and (rule.rule + "/").startswith(prefix.rstrip("/") + "/"):
                clear = False
                text = f"{rule.rule} ({rule.endpoint}) of the app lies under {name} {prefix!r}"
                yield Finding("warn", text, f"set {name} to a prefix of its own")
        taken = _answered_by(state.app, prefix)
        if taken is not None and not taken.startswith("referrals"):
            clear = False
            text = f"{name} {prefix!r} is answered by {taken} of the app"
            yield Finding("fail", text, f"set {name} to a prefix that no other rule matches")
    if clear and prefixes:
        yield Finding("ok", f"our pages are at {', '.join(prefixes.values())}")


def _template(state: State) -> Iterator[Finding]:
    """The host's base templates and their blocks, so that our pages do not come empty."""
    settings = state.settings
    seen = set()
    for admin in sorted({kind == "admin" for kind in settings.pages}):
        name, base_block, title_block = frame = settings.frame(admin=admin)
        if frame in seen:
            continue
        seen.add(frame)
        prefix = "REFERRALS_ADMIN" if admin else "REFERRALS"
        setting = f"{prefix}_BASE_TEMPLATE"
        environment = get_templates(state.app).environment if name == PLAIN_BASE else state.app.jinja_env
        try:
            blocks = _blocks(environment, name)
        except TemplateNotFound as error:
            yield Finding("fail", f"{setting} {name!r}: there is no template {error}", f"set {setting} to one of yours")
            continue
        for wanted, block in (("BASE_BLOCK", base_block), ("TITLE_BLOCK", title_block)):
            if block and block not in blocks:
                level: Level = "fail" if wanted == "BASE_BLOCK" else "warn"
                known = ", ".join(sorted(blocks)) or "none"
                text = f"{name} has no block {block!r} for our pages (its blocks: {known})"
                yield Finding(level, text, f"set {prefix}_{wanted} to one of them")
                break
        else:
            yield Finding("ok", f"our pages come in {name}")


def _blueprints(state: State) -> Iterator[Finding]:
    """The host's blueprints that our pages are joined to."""
    for key in ("portal_blueprint", "admin_blueprint"):
        name = getattr(state.settings, key)
        if name is not None and name not in state.app.blueprints:
            text = f"REFERRALS_{key.upper()} {name!r}: the app has no such blueprint"
            known = ", ".join(sorted(one for one in state.app.blueprints if not one.startswith("referrals")))
            yield Finding("fail", text, f"set it to one of {known or 'yours'}")


def _blocks(environment: Environment, name: str) -> set[str]:
    """The blocks of a template and of those that it extends."""
    if environment.loader is None:
        return set()
    tree = environment.parse(environment.loader.get_source(environment, name)[0])
    blocks = {block.name for block in tree.find_all(nodes.Block)}
    for parent in tree.find_all(nodes.Extends):
        if isinstance(parent.template, nodes.Const):
            blocks |= _blocks(environment, parent.template.value)
    return blocks


def _answered_by(app: Flask, path: str) -> str | None:
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path)
    except RequestRedirect:
        return None  # to the same address with a slash
    except HTTPException:
        return None
    return str(endpoint)


def _overridden(host: Host) -> Iterator[Finding]:
    name = type(host).__name__
    missing = [method for method in _MUST if not _is_written(host, method)]
    for method in missing:
        doc = (getattr(Host, method).__doc__ or "").splitlines()[0]
        yield Finding("fail", f"{name}.{method} is not written yet", f"add `def {method}(…)` to {name}: {doc}")
    if type(host).client_invoices is Host.client_invoices:
        level: Level = "warn"
        if type(host).has_paid_invoice is Host.has_paid_invoice:
            missing.append("client_invoices")
            level = "fail"
        text = f"{name}.client_invoices is not written, so `flask referrals reconcile` cannot find what we missed"
        line = "return Invoice.query.filter_by(client_id=client.id).order_by(Invoice.id)"
        yield Finding(level, text, f"add `def client_invoices(self, client)` to {name}, such as: {line}")
    if not _is_written(host, "apply_discount"):
        text = f"{name}.apply_discount is not written, so discounts reach an invoice only where the app pulls them"
        yield Finding("warn", text, "write it, or pull: `referrals.quote(client, subtotal)` while an invoice is built")
    if not missing:
        yield Finding("ok", f"{name} answers all that we must ask")


def _is_written(host: Host, method: str) -> bool:
    """Whether the host answers: by a method of its own, or by an attribute that ModelHost's goes by."""
    if method in _BY_NAME and getattr(type(host), method) is getattr(ModelHost, method):
        return getattr(host, _BY_NAME[method]) is not None
    return getattr(type(host), method) is not getattr(Host, method)


def _phone() -> Iterator[Finding]:
    if find_spec("phonenumbers") is None:
        text = "the package phonenumbers is not here: numbers written differently are not seen as the same person's"
        yield Finding("warn", text, 'run `pip install "flask-referrals[phone]"`')
    else:
        yield Finding("ok", "telephone numbers are compared")


def _database(connection: Connection) -> Iterator[Finding]:
    name = connection.dialect.name
    version = connection.dialect.server_version_info or ()
    if name == "sqlite":
        yield from _sqlite(connection)
    elif name == "postgresql":
        yield Finding("ok", f"PostgreSQL {'.'.join(map(str, version))}")
    elif name in ("mysql", "mariadb") and getattr(connection.dialect, "is_mariadb", False):
        if tuple(version) >= (10, 6):
            yield Finding("ok", f"MariaDB {'.'.join(map(str, version))}")
        else:
            yield Finding(
                "fail", f"MariaDB {'.'.join(map(str, version))} has no SKIP LOCKED", "use MariaDB 10.6 or newer"
            )
    else:
        yield Finding("fail", f"{name} is not supported", "use SQLite, PostgreSQL, or MariaDB 10.6 or newer")


def _sqlite(connection: Connection) -> Iterator[Finding]:
    wanted: dict[str, tuple[str, Callable[[Any], bool], str]] = {
        "foreign_keys": ("ON", lambda value: value == 1, "foreign keys are not enforced"),
        "journal_mode": ("WAL", lambda value: value in ("wal", "memory"), "readers and writers block each other"),
        "busy_timeout": ("20000", lambda value: value >= 5000, "a write that finds another one gives up at once"),
    }
    fine = True
    for name, (advice, is_right, harm) in wanted.items():
        value = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if not is_right(value):
            fine = False
            remedy = f'on the engine\'s event "connect": connection.execute("PRAGMA {name}={advice}")'
            yield Finding("warn", f"SQLite: {name} is {value}, so {harm}", remedy)
    if fine:
        yield Finding("ok", "SQLite with foreign keys, write-ahead log and patience")


def _tables(connection: Connection) -> Iterator[Finding]:
    there = set(inspect(connection).get_table_names())
    missing = sorted(set(metadata.tables) - there)
    if missing:
        which = "our tables are" if len(missing) == len(metadata.tables) else f"{', '.join(missing)} are"
        yield Finding("fail", f"{which} not in the database", _UPGRADE)
        return
    at = migrations.current(connection) if VERSION_TABLE in there else None
    if at is None:
        text = "our tables have no version: they were made by create_all()"
        yield Finding("warn", text, f"{_UPGRADE}, which checks and stamps them, before you install a newer version")
    elif at != migrations.head():
        yield Finding("fail", f"our tables are at {at}, this version needs {migrations.head()}", _UPGRADE)
    else:
        yield Finding("ok", f"our tables are at {at}")
    lacking = missing_triggers(connection)
    if lacking:
        text = f"triggers that keep the books append-only are missing or off: {', '.join(lacking)}"
        yield Finding("fail", text, f"{_UPGRADE}, then `flask referrals ledger verify`")
    else:
        yield Finding("ok", "the triggers that keep the books append-only are there")


def _migrate(app: Flask) -> Iterator[Finding]:
    hidden = is_hidden(app)
    if hidden:
        yield Finding("ok", "your `flask db migrate` leaves our tables alone, if env.py uses configure_args")
    elif hidden is None:
        yield Finding("ok", "the app has no Flask-Migrate")
    else:
        text = "your `flask db migrate` would touch our tables"
        yield Finding("fail", text, "call referrals.init_app(app) with the db object that Migrate has")


def _backlog(state: State, connection: Connection) -> Iterator[Finding]:
    retries, error = connection.execute(select(func.count(), func.max(RetryRow.error)).select_from(RetryRow)).one()
    overdue = connection.execute(
        select(func.count()).where(ActivityRow.waits == 1, ActivityRow.at < state.now() - _OVERDUE)
    ).scalar_one()
    if retries:
        text = f"{retries} facts could not be acted on yet, such as: {error.splitlines()[0]}"
        yield Finding("warn", text, "run `flask referrals work`, and look at what it logs")
    if overdue:
        text = f"{overdue} announcements have waited for more than an hour"
        yield Finding(
            "warn", text, "let cron run `flask referrals work`, or keep `flask referrals work --loop 10` running"
        )
    if not retries and not overdue:
        yield Finding("ok", "nothing waits for `flask referrals work`")


def _answers(state: State) -> Iterator[Finding]:
    """Ask the host about one client of each org."""
    name = type(state.host).__name__
    try:
        orgs = list(state.host.orgs())
    except Exception as error:
        yield Finding("fail", f"{name}.orgs() raised {_first_line(error)}", f"mend {name}.orgs")
        return
    if not orgs:
        yield Finding("fail", f"{name}.orgs() is empty", "return at least one org; leave it out for a single business")
    for org in orgs:
        try:
            yield from _client(state, org)
        except Exception as error:
            text = f"{name}, asked about a client of org {org!r}, raised {_first_line(error)}"
            yield Finding("fail", text, f"mend {name}: client_ids, find_client, client")
        finally:
            state.session().rollback()


def _client(state: State, org: str) -> Iterator[Finding]:
    host = state.host
    name = type(host).__name__
    ids = list(host.client_ids(org, None, 1))
    if not ids:
        yield Finding("ok", f"org {org}: no clients yet")
        return
    first: Any = ids[0]
    if not isinstance(first, str):
        text = f"{name}.client_ids gives {first!r}, which is no text"
        yield Finding("fail", text, "write [str(id) for id in …]")
        return
    if len(ids) > 1:
        yield Finding("fail", f"{name}.client_ids(…, limit=1) gives {len(ids)} ids", "add .limit(limit) to its query")
    if first in host.client_ids(org, first, 1):
        text = f"{name}.client_ids gives {first!r} again after {first!r}, so that `codes backfill` would never end"
        yield Finding("fail", text, "return only ids that follow `after`")
    record = host.find_client(org, first)
    if record is None:
        text = f"{name}.find_client does not know {first!r}, which client_ids gave for org {org!r}"
        yield Finding("fail", text, "let both look at the same table, and turn the text back into your kind of id")
        return
    client: Any = host.client(record)
    if not isinstance(client, Client):
        yield Finding("fail", f"{name}.client gives {client!r}", "return a flask_referrals.Client")
    elif (client.id, client.org) != (first, org):
        text = f"{name}.client says id {client.id!r} of org {client.org!r} for client {first!r} of org {org!r}"
        yield Finding("fail", text, "give the same id, as text, and the same org everywhere")
    elif TOKEN_PART in state.settings.portal_prefix and not _is_known_by_token(host, client):
        text = f"{name} does not find client {first} by its token, so its pages can't be opened"
        yield Finding("fail", text, "let token_of and find_by_token, or the attribute client_token, tell the same")
    else:
        yield Finding("ok", f"org {org}: client {first} is found")


def _is_known_by_token(host: Host, client: Client) -> bool:
    token = host.token_of(client)
    record = host.find_by_token(token) if token else None
    return record is not None and host.client(record) == client
