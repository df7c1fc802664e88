"""Staff set the terms, see what they promise, and switch the program on and off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_referrals import Client
from flask_referrals.domain.terms import Version
from tests.web.admin_host import NEW_YORK, PREFIX, Office, open_office

GOOD: dict[str, Any] = {
    "currency": "USD",
    "discount_kind": "percent",
    "discount_percent": "20",
    "referrer_reward": "75.00",
    "accept_codes_at": ["link", "registration", "invoice"],
}
HTML = "<script>alert(1)</script>"


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office without any terms yet."""
    with open_office(database_url) as found:
        yield found


def versions(office: Office, org: str = "default") -> tuple[Version, ...]:
    return office.referrals.program(org).versions


def test_saving_makes_a_new_version_by_the_person_who_saved(office: Office) -> None:
    """The old version stays as it was, the new one says when and by whom (T2, T6)."""
    old = office.save_terms()
    response = office.post("/settings", action="save", **GOOD)
    assert response.status_code == 303
    first, second = versions(office)
    assert (first.id, second.saved_by, second.effective_from) == (old, "Olivia", office.clock())
    assert second.terms.document()["referrer_reward"]["amount"] == "75.00"
    page = office.browser.get(response.location).text
    assert "Saved as version 2" in page
    assert "It is in force now" in page


def test_a_preview_saves_nothing_and_shows_words_and_an_example(office: Office) -> None:
    """The preview says what both sides would read and works an invoice out, without JavaScript."""
    office.save_terms()
    response = office.post("/settings", action="preview", **(GOOD | {"referee_reward": "7.00", "until": "2026-05-31"}))
    assert response.status_code == 200
    assert len(versions(office)) == 1
    for part in (
        "Not saved yet",
        "20% off their first invoice",
        "$75.00 credit when they pay",
        "20% off your first invoice",
        "$7.00 credit once it is paid",
        "up to and including 31 May 2026",
        "$200.00",
        "\N{MINUS SIGN}$40.00",
        "$160.00",
        "$16.00",
        "$176.00",
    ):
        assert part in response.text, part


def test_the_terms_in_force_are_shown_at_first(office: Office) -> None:
    """The form and its preview open with what is promised now; without terms, with a suggestion only."""
    assert "Nothing promised yet" in office.text("/settings")
    office.save_terms()
    page = office.text("/settings")
    assert "In force now" in page
    assert "15% off their first invoice" in page
    assert 'name="discount_percent" type="text" value="15"' in page


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(office: Office) -> None:
    """Every mistake is told at once, what was typed is still there, escaped, and nothing is saved."""
    typed = {
        name: f"{HTML}{name}"
        for name in (
            "currency", "discount_percent", "discount_cap", "discount_min_invoice", "referee_reward",
            "referrer_reward", "min_paid", "effective_from", "until",
        )
    }  # fmt: skip
    response = office.post("/settings", action="save", discount_kind="percent", accept_codes_at=["link"], **typed)
    assert response.status_code == 422
    assert HTML not in response.text
    for name in typed:
        assert f"&lt;script&gt;alert(1)&lt;/script&gt;{name}" in response.text, name
        assert f'id="{name}-error"' in response.text, name
    assert 'value="registration" checked' not in response.text
    assert versions(office) == ()


def test_an_end_brings_back_what_would_have_been_in_force(office: Office) -> None:
    """Fifty until the end of May, in New York's time, then what was there before (T3, T4)."""
    office.host.zone = NEW_YORK
    office.save_terms()
    office.post("/settings", action="save", until="2026-05-31", **GOOD)
    program = office.referrals.program("default")
    assert len(program.versions) == 3
    rewards = [
        version.terms.document()["referrer_reward"]["amount"]
        for at in (datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC), datetime(2026, 6, 1, 4, tzinfo=UTC))
        if (version := program.at(at)) is not None
    ]
    assert rewards == ["75.00", "50.00"]
    page = office.text("/versions")
    assert "until 1 Jun 2026, 00:00" in page
    assert page.index("In force") < page.index("Scheduled") < page.index("Past")


def test_an_end_brings_back_terms_that_were_scheduled_meanwhile(office: Office) -> None:
    """What comes back is what would have been in force then, not what was in force at the time of saving."""
    office.save_terms()
    office.post("/settings", action="save", effective_from="2026-02-01T00:00", **(GOOD | {"referrer_reward": "60"}))
    response = office.post("/settings", action="preview", until="2026-02-28", **GOOD)
    assert "On 1 Feb 2026, 00:00 a version that is already scheduled takes over" in response.text
    office.post("/settings", action="save", effective_from="2026-02-10T00:00", until="2026-02-28", **GOOD)
    march = office.referrals.program("default").at(datetime(2026, 3, 1, tzinfo=UTC))
    assert march is not None
    assert march.terms.document()["referrer_reward"]["amount"] == "60.00"
    assert march.effective_from == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_scheduled_version_waits_for_its_time(office: Office) -> None:
    """The old terms stay in force until the new ones begin, to the second."""
    office.save_terms()
    response = office.post("/settings", action="save", effective_from="2026-01-20T08:30:15", **GOOD)
    assert "It takes effect on 20 Jan 2026, 08:30" in office.browser.get(response.location).text
    assert "15% off their first invoice" in office.text("/settings")
    office.clock.move_to(datetime(2026, 1, 20, 8, 30, 15, tzinfo=UTC))
    assert "20% off their first invoice" in office.text("/settings")


def test_each_version_has_its_page_and_other_orgs_have_none_of_it(office: Office) -> None:
    """A version is read by its own org only; the other's number is not there."""
    ours, theirs = office.save_terms(), office.save_terms("other", discount={"percent": "33"})
    assert "15% off the first invoice" in office.text(f"/versions/{ours}")
    assert office.get(f"/versions/{theirs}").status_code == 404
    assert office.get("/versions/99999999999999999999999").status_code == 404
    assert "33%" not in office.text("/versions") + office.text("/settings")
    office.host.org = "other"
    assert "33% off the first invoice" in office.text(f"/versions/{theirs}")
    office.post("/settings", action="save", **GOOD)
    assert (len(versions(office)), len(versions(office, "other"))) == (1, 2)


def test_the_switch_turns_the_program_on_and_off(office: Office) -> None:
    """The state is shown and follows the switch, for this org alone."""
    office.save_terms()
    office.save_terms("other")
    response = office.post("/switch", program="off")
    assert response.status_code == 303
    assert "The program is off" in office.browser.get(response.location).text
    assert not office.referrals.program("default").enabled
    assert office.referrals.program("other").enabled
    office.post("/switch", program="on")
    assert "The program is on" in office.text("/settings")


def test_a_program_without_terms_is_not_switched_on(office: Office) -> None:
    """There is nothing to promise yet, and the page says so."""
    response = office.post("/switch", program="on")
    assert response.status_code == 422
    assert "Save the terms first" in response.text
    assert not office.referrals.program("default").enabled
    assert office.post("/switch", program="perhaps").status_code == 400


@pytest.mark.parametrize("path", ["/settings", "/switch"])
def test_a_form_without_its_token_changes_nothing(office: Office, path: str) -> None:
    """A forged form is refused as a bad request."""
    office.save_terms()
    for token in ({}, {"referrals_csrf": "forged"}):
        fields = GOOD | {"action": "save", "program": "off"} | token
        assert office.browser.post(PREFIX + path, data=fields).status_code == 400
    program = office.referrals.program("default")
    assert (len(program.versions), program.enabled) == (1, True)


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/"), ("GET", "/settings"), ("POST", "/settings"), ("POST", "/switch"), ("GET", "/versions"),
    ("GET", "/versions/1"), ("GET", "/referrals/1"),
])  # fmt: skip
def test_only_staff_may_see_and_do(office: Office, method: str, path: str) -> None:
    """A client is refused; who is not logged in goes to the staff's login."""
    office.host.staff = False
    office.host.visitor = Client(id="1", name="Jane Smith")
    assert office.browser.open(PREFIX + path, method=method).status_code == 403
    office.host.visitor = None
    response = office.browser.open(PREFIX + path, method=method)
    assert response.status_code == 302
    assert response.location.startswith("/login")


def test_names_of_staff_are_escaped(office: Office) -> None:
    """Whoever saved the terms, the page shows the name as text."""
    office.host.name = HTML
    office.post("/settings", action="save", **GOOD)
    page = office.text("/versions")
    assert HTML not in page
    assert "by &lt;script&gt;" in page
