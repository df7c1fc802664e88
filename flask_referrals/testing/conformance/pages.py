"""That our pages answer, inside the host's layout and behind its logins; and what the doctor says."""

from __future__ import annotations

from unittest import SkipTest
from urllib.parse import urljoin, urlsplit

from flask import Flask, got_request_exception
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ...adapters.doctor import examine
from ...config import Pages
from ...domain.codes import spoken
from ...host import Client
from .checks import check
from .failing import FailingChecks
from .hints import said
from .reading import ReadingChecks


class PageChecks(FailingChecks):
    """The portal, the staff's pages, the doctor."""

    @check(
        ReadingChecks.test_unknown_clients_are_none,
        ReadingChecks.test_client_ids_are_paged,
        ReadingChecks.test_invoices_are_read,
        FailingChecks.test_credit_lowers_what_is_due,
        FailingChecks.test_who_has_paid_is_known,
    )
    def test_the_doctor_has_nothing_to_mend(self) -> None:
        """`flask referrals doctor` finds nothing that must be done."""
        bench = self.bench
        with bench.inside():
            found = [one for one in examine(bench.state) if one.level == "fail"]
        assert not found, "; ".join(f"{one.text}: {one.remedy}" for one in found)

    @check(test_the_doctor_has_nothing_to_mend)
    def test_the_portal_answers(self) -> None:
        """The client's page answers, or leads to the login that `Host.login_url` names."""
        self._answers("portal", "login_url", "where your clients log in")

    @check(test_the_portal_answers)
    def test_the_staff_s_pages_answer(self) -> None:
        """The staff's pages answer, or lead to the login that `Host.staff_login_url` names."""
        self._answers("admin", "staff_login_url", "where your staff log in")

    @check(test_the_portal_answers, needs=("log_in",))
    def test_a_client_sees_its_own_portal(self) -> None:
        """A client who is logged in sees its code, in the host's layout."""
        bench = self.bench
        for name in ("Jane", "Kiera"):
            client = bench.new_client(name)
            code = bench.code(client)
            response = self._get(self._as_client(client), self._address("portal"))
            assert response.status_code == 200, (
                f"the portal answers {response.status_code} to a client who is logged in by {bench.suite}.log_in:"
                f" {bench.host_name}.current_client is to say who is there"
            )
            assert spoken(code) in response.text, (
                f"the portal does not show the code of the client whom {bench.suite}.log_in logged in:"
                f" {bench.host_name}.current_client says another one, or REFERRALS_BASE_BLOCK is a block that does not"
                " show"
            )

    @check(test_the_staff_s_pages_answer, needs=("log_in_staff",))
    def test_staff_see_the_referrals(self) -> None:
        """Staff who are logged in see the list of referrals."""
        bench = self.bench
        browser = bench.app.test_client()
        with bench.inside():
            bench.functions.log_in_staff(browser)
        response = self._get(browser, self._address("admin"))
        assert response.status_code == 200, (
            f"the staff's page answers {response.status_code} to whom {bench.suite}.log_in_staff logged in:"
            f" {bench.host_name}.is_staff is to say True of them"
        )

    @check(test_staff_see_the_referrals, test_a_client_sees_its_own_portal, needs=("log_in", "log_in_staff"))
    def test_a_client_is_no_staff(self) -> None:
        """A client who is logged in does not get to see the staff's pages."""
        bench = self.bench
        browser = self._as_client(bench.new_client("Jane"))
        response = self._get(browser, self._address("admin"))
        assert response.status_code != 200, (
            f"the staff's page answers a client whom {bench.suite}.log_in logged in: {bench.host_name}.is_staff is to"
            " say False of clients"
        )

    def _as_client(self, client: Client) -> FlaskClient:
        bench = self.bench
        browser = bench.app.test_client()
        with bench.inside():
            bench.functions.log_in(browser, bench.client_record(client))
        return browser

    def _address(self, pages: Pages) -> str:
        settings = self.bench.state.settings
        if pages not in settings.pages:
            raise SkipTest(f"REFERRALS_PAGES of this app leaves {pages!r} to another one")
        return f"{settings.portal_prefix if pages == 'portal' else settings.admin_prefix}/"

    def _answers(self, pages: Pages, method: str, what: str) -> None:
        bench = self.bench
        first = address = self._address(pages)
        browser = bench.app.test_client()
        for _ in range(6):
            response = self._get(browser, address)
            if response.status_code not in (301, 302, 303, 307, 308):
                break
            address = urljoin(address, response.location)
            if urlsplit(address).hostname not in (None, urlsplit(response.request.url).hostname):
                return  # a login elsewhere
        assert response.status_code in (200, 401), (
            f"{bench.host_name}.{method}: nobody is logged in, {first} leads to {address}, and that answers"
            f" {response.status_code}; give the address {what}"
        )

    def _get(self, browser: FlaskClient, address: str) -> TestResponse:
        errors: list[Exception] = []

        def note(app: Flask, exception: Exception, **extra: object) -> None:
            errors.append(exception)

        got_request_exception.connect(note)
        try:
            response = browser.get(address)
        except Exception as error:
            errors.append(error)
        finally:
            got_request_exception.disconnect(note)
        if errors:
            bench = self.bench
            raise AssertionError(f"{address} raised {said(errors[0], bench.host)}") from errors[0]
        return response
