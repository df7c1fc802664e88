"""`python -m bench`: ours beside the floor, operation by operation in turn; medians and ratios."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from flask_referrals.domain import codes
from tests.databases import fresh_database, why_not

from .app import BenchHost, Record, create_app, db
from .floors import FLOORS

Step = Callable[[int], None]


def measure(name: str, goal: float, ours: Step, floor: Step, rounds: int, size: int) -> None:
    """Time `size` operations of each in each round, in turn, and print the medians and the ratio of each round.

    A `goal` of 0 is none.
    """
    ratios: list[float] = []
    times: dict[str, list[float]] = {"ours": [], "floor": []}
    for turn in range(rounds + 1):
        found: dict[str, list[float]] = {"ours": [], "floor": []}
        for number in range(turn * size, (turn + 1) * size):
            for side, step in (("floor", floor), ("ours", ours)):
                start = time.perf_counter()
                step(number)
                found[side].append((time.perf_counter() - start) * 1000)
        if turn:  # the first round warms caches and prepared statements
            ratios.append(statistics.median(found["ours"]) / statistics.median(found["floor"]))
            for side, values in found.items():
                times[side] += values
    ours_ms, floor_ms = (statistics.median(times[side]) for side in ("ours", "floor"))
    ratio = statistics.median(ratios)
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    verdict = f"≤ {goal} | {'met' if ratio <= goal else 'MISSED'}" if goal else "none | for information"
    print(f"| {name} | {ours_ms:.2f} | {floor_ms:.2f} | **{ratio:.2f}** ({spread}) | {verdict} |")


def bench(backend: str, rounds: int, size: int) -> None:
    """All three measures on one database."""
    paid_goal = {"postgresql": 2.0, "sqlite": 3.5}[backend]
    with fresh_database(backend) as url:
        app, referrals = create_app(url)
        host = BenchHost()
        floor = FLOORS[backend](url)
        with app.app_context():
            keys = []
            for number in range(20):
                keys.append(codes.canonical(referrals.code(host.client(f"jane-{number}")).text))
            db.session.commit()

            def attribute(number: int) -> None:
                referrals.client_registered(f"ours-{number}", keys[number % 20], link=False)
                db.session.commit()

            def pay(number: int) -> None:
                referrals.invoice_paid(Record(f"i-ours-{number}", f"ours-{number}"))
                db.session.commit()

            def attribute_floor(number: int) -> None:
                floor.attribute(f"floor-{number}", keys[number % 20])

            def pay_floor(number: int) -> None:
                floor.paid(f"i-floor-{number}", f"floor-{number}")

            print(f"\n{backend}, {rounds} rounds of {size}, medians in ms\n")
            print("| path | ours | floor | ratio (of the rounds) | goal | |\n| --- | --- | --- | --- | --- | --- |")
            measure("attribute", paid_goal, attribute, attribute_floor, rounds, size)
            measure("paid to reward", paid_goal, pay, pay_floor, rounds, size)
            db.session.remove()
        browser = app.test_client()

        def page(number: int) -> None:
            assert browser.get("/portal/referrals/").status_code == 200

        def page_floor(number: int) -> None:
            assert browser.get("/one-select").status_code == 200

        def bare(number: int) -> None:
            assert browser.get("/bare").status_code == 200

        page(0)
        measure("portal page", 1.6, page, page_floor, rounds, size)
        measure("portal page beside next to no HTML", 0, page, bare, rounds, size)
        floor.connection.close()
        with app.app_context():
            db.engine.dispose()


def main() -> None:
    """Bench what is there."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("backends", nargs="*", default=list(FLOORS))
    given = parser.parse_args()
    for backend in given.backends:
        if reason := why_not(backend):
            print(f"LEFT OUT: {backend} ({reason})")
        else:
            bench(backend, given.rounds, given.size)


if __name__ == "__main__":
    main()
