"""Staff find referrals: newest first, by state, by name, code or id, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.databases import fresh_database
from tests.minihost import db
from tests.web.admin_host import Office, open_office, statements


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office whose program is on."""
    with open_office(database_url) as found:
        found.save_terms()
        yield found


def names(page: str) -> list[str]:
    return re.findall(r'<td class="rf-main"><a href="[^"]+">([^<]+)</a>', page)


def test_forty_five_referrals_are_paged_newest_first(office: Office) -> None:
    """Three pages show each referral once, in order, with at most three statements of ours each."""
    code = office.code_of(office.new_client("Jane Smith"))
    for number in range(45):
        office.new_client(f"Client {number:02}", code=code)
    found, before, pages = [], None, 0
    while pages == 0 or before is not None:
        with statements() as sent:
            page = office.text("/", **({} if before is None else {"before": before}))
        assert len(sent) <= 3
        found += names(page)
        pages += 1
        older = re.search(r'rel="next" href="[^"]*before=(\d+)"', page)
        before = None if older is None else older[1]
    assert pages == 3
    assert found == [f"Client {number:02}" for number in reversed(range(45))]


def test_the_state_filter_shows_one_state_and_counts_each(office: Office) -> None:
    """Who has paid is under Qualified, the others under Waiting; the filter stays while paging and searching."""
    code = office.code_of(office.new_client("Jane Smith"))
    paid = office.new_client("Kiera Lopez", code=code)
    office.new_client("Liam Moore", code=code)
    office.pay(office.new_invoice(paid))
    assert names(office.text("/", state="qualified")) == ["Kiera Lopez"]
    assert names(office.text("/", state="pending")) == ["Liam Moore"]
    assert names(office.text("/", state="pending", q="kiera")) == []
    assert names(office.text("/", state="nonsense", before="nonsense")) == ["Liam Moore", "Kiera Lopez"]
    page = office.text("/")
    assert "$50.00" in page
    assert "/staff/invoices/1" in page
    assert f"/staff/clients/{paid.id}" not in page  # the name leads to the chain
    assert 'Qualified <span class="rfa-count">1</span>' in page


def test_search_finds_names_of_both_sides_codes_and_ids_whatever_the_case(office: Office) -> None:
    """Parts of names, the beginning of a code as people type it, and a client's id all find the referral."""
    jane, mary = office.new_client("Jane Smith"), office.new_client("Mary Major")
    code = office.code_of(jane)
    kiera = office.new_client("Kiera Lopez", code=code)
    office.new_client("Noah King", code=office.code_of(mary))
    for wanted in ("kier", "LOPEZ", "jane s", code.lower(), f"{code[:4]}-{code[4:]}", str(kiera.id)):
        assert names(office.text("/", q=wanted)) == ["Kiera Lopez"], wanted
    assert names(office.text("/", q="nobody")) == []
    assert "Nothing found" in office.text("/", q="nobody")


def test_search_takes_wildcards_at_their_word(office: Office) -> None:
    """A percent sign, an underscore, a slash or a quote finds only itself, and no text breaks the page."""
    code = office.code_of(office.new_client("Jane Smith"))
    for name in ("Half 50% Ltd", "under_score", "Plain Name", "O'Hara", "back\\slash", "for/ward"):
        office.new_client(name, code=code)
    assert names(office.text("/", q="%")) == ["Half 50% Ltd"]
    assert names(office.text("/", q="_")) == ["under_score"]
    assert names(office.text("/", q="\\")) == ["back\\slash"]
    assert names(office.text("/", q="/")) == ["for/ward"]
    assert names(office.text("/", q="o'h")) == ["O&#39;Hara"]
    assert office.get("/", q="\x00").status_code == 200
    assert office.get("/", q="x" * 100_000).status_code == 200
    assert office.get("/", before=10**30).status_code == 200


def test_names_and_searches_are_escaped(office: Office) -> None:
    """HTML in a name or in the search field is shown as text."""
    code = office.code_of(office.new_client("<i>Jane</i>"))
    office.new_client("<b>Kiera</b>", code=code)
    page = office.text("/", q="<b>")
    assert names(page) == ["&lt;b&gt;Kiera&lt;/b&gt;"]
    assert "<b>Kiera" not in page
    assert "<i>Jane" not in page


def test_orgs_do_not_see_each_other(office: Office) -> None:
    """The list, the search, the counts and the filters speak of the org of this request alone."""
    office.save_terms("other")
    code = office.code_of(office.new_client("Jane Smith", org="other"))
    office.new_client("Kiera Lopez", code=code, org="other")
    for query in ({}, {"q": "kiera"}, {"q": code}, {"state": "pending"}):
        assert names(office.text("/", **query)) == []
    assert "No referrals yet" in office.text("/")
    office.host.org = "other"
    assert names(office.text("/")) == ["Kiera Lopez"]


def test_the_list_walks_the_index() -> None:
    """Without a search, no statement reads the table of referrals from end to end, filtered or not."""
    with fresh_database("sqlite") as url, open_office(url) as office:
        for query in ({}, {"state": "pending"}, {"before": 7}):
            with statements() as sent:
                office.text("/", **query)
            with db.engine.connect() as connection:
                plan = [
                    str(row[3])
                    for statement, parameters in sent
                    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                ]
            read = [line for line in plan if "referrals_referral " in line]
            allowed = ("USING INTEGER PRIMARY KEY", "ix_referrals_referral_state")
            assert not [line for line in read if not any(way in line for way in allowed)], plan
            assert any("ix_referrals_referral_state" in line for line in plan), plan
