"""The business owner's pages: what the program brings, what is owed, and what other terms would do."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from flask_referrals.web.plot import Bar, bars
from tests.web.admin_host import Office, open_office, statements
from tests.web.test_admin_queue import refer


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office whose program promises credit to both sides."""
    with open_office(database_url) as found:
        found.save_terms(referrer_reward={"kinds": ["credit"], "amount": "50.00"}, referee_reward=None)
        yield found


def test_the_overview_of_an_empty_program_invites(office: Office) -> None:
    """Nothing yet: said so, with what to do."""
    assert "Nothing has happened yet" in office.text("/dashboard")


def test_figures_funnel_plot_and_feed(office: Office) -> None:
    """Each figure stands on the page as a person reads it, and the plot is a table too."""
    refer(office, "Kiera Lopez", "Ann Ash")
    page = office.text("/dashboard")
    assert "Jane Smith: 2 referrals, $100.00 credit issued" in page
    assert "▲ 2 more than in the period before (0)" in page
    assert page.count("<svg") == 1
    assert "As a table" in page
    assert 'style="' not in page
    assert "100% of the step before" in page
    assert office.get("/dashboard", days="90").status_code == 200
    assert office.get("/dashboard", days="x").status_code == 200
    with statements() as seen:
        office.text("/dashboard")
    ours = [text for text, _ in seen if "referrals_" in text]
    assert len(ours) == 3, ours


def test_names_are_no_markup(office: Office) -> None:
    """A client's name is text."""
    refer(office, "Kiera Lopez", referrer=office.new_client("<script>alert(1)</script>"))
    assert "<script>alert" not in office.text("/dashboard")


@pytest.mark.parametrize("path", ["/dashboard", "/liability", "/liability.csv", "/simulator"])
def test_only_staff(office: Office, path: str) -> None:
    """Nobody else sees what the business owes."""
    office.host.staff = False
    assert office.get(path).status_code in (302, 403)


def test_what_is_owed(office: Office) -> None:
    """On the page, and as CSV; a day to come is refused with a sentence."""
    refer(office, "Kiera Lopez")
    page = office.text("/liability")
    assert "$50.00" in page
    rows = list(csv.DictReader(io.StringIO(office.text("/liability.csv"))))
    assert [(row["currency"], row["owed"], row["clients"]) for row in rows] == [("USD", "50.00", "1")]
    assert "No client had any credit" in office.text("/liability", on="2020-01-01")
    for wrong in ("2999-01-01", "yesterday", "0001-01-01"):
        response = office.get("/liability", on=wrong)
        assert response.status_code == 422
        assert "Write the day such as" in response.text
        assert office.get("/liability.csv", on=wrong).status_code == 422


def test_other_terms_are_tried(office: Office) -> None:
    """One invoice, and past referrals; mistakes stand at their field and lose nothing."""
    assert "The referrer gets $50.00 credit." in office.text("/simulator")
    refer(office, "Kiera Lopez")
    page = office.text("/simulator", past="1", amount="300", n="2")
    assert "1 paid" in page
    assert "$300.00" in page
    for field, value, reason in (
        ("amount", "lots", "amount_invalid"),
        ("amount", "", "amount_invalid"),
        ("amount", "1.005", "amount_invalid"),
        ("n", "0", "number_invalid"),
        ("n", "²", "number_invalid"),
        ("n", "9" * 5000, "number_invalid"),
    ):
        response = office.get("/simulator", **{field: value})
        assert response.status_code == 422, value
        assert f'data-reason="{reason}"' in response.text


def test_a_plot_escapes_and_ends_at_a_round_number() -> None:
    """The labels are text; the axis is as high as the highest bar at least."""
    plot = bars([Bar("<b>", (3, 1)), Bar("2 Feb", (0, 0))], ("new", "paid"), 'a "title"')
    assert "<b>" not in plot
    assert plot.count("<rect") == 2
    assert ">10</text>" in plot
