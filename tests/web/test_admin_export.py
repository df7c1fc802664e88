"""Staff take referrals, rewards, credit and the log away as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from tests.databases import fresh_database
from tests.web.admin_host import Office, open_office


@pytest.fixture
def office(backend: str) -> Iterator[Office]:
    """An office whose program is on, with one referral that was rewarded."""
    with fresh_database(backend) as url, open_office(url) as found:
        found.save_terms()
        code = found.code_of(found.new_client("Jane Smith"))
        found.pay(found.new_invoice(found.new_client("=1+1", code=code)))
        yield found


def rows(office: Office, what: str, **query: str) -> list[dict[str, str]]:
    """The rows of an export."""
    response = office.get(f"/export/{what}.csv", **query)
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.text)))


def test_every_export(office: Office) -> None:
    """Amounts as decimals, and nothing that a spreadsheet would take for a formula."""
    (referral,) = rows(office, "referrals")
    assert (referral["referrer_name"], referral["referee_name"]) == ("Jane Smith", "'=1+1")
    assert {row["amount"] for row in rows(office, "rewards")} == {row["amount"] for row in rows(office, "ledger")}
    assert "attributed" in {row["kind"] for row in rows(office, "activity")}


def test_only_some_days(office: Office) -> None:
    """The last day is included; what is no day is told."""
    day = office.clock().date().isoformat()
    assert len(rows(office, "referrals", **{"from": day, "to": day})) == 1
    assert rows(office, "referrals", to="2020-01-01") == []
    assert office.get("/export/referrals.csv", to="yesterday").status_code == 400


def test_nobody_else_and_nothing_else(office: Office) -> None:
    """Another org sees nothing of it, a visitor is sent to the login, and other tables are not there."""
    assert office.get("/export/secrets.csv").status_code == 404
    office.host.org = "other"
    assert rows(office, "ledger") == []
    office.host.staff = False
    assert office.get("/export/ledger.csv").status_code == 302
