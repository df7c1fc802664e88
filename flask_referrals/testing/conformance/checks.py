"""How the tests stand on each other: what a mistake is seen by first tells it, and what stands on that is skipped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ClassVar
from unittest import SkipTest

from . import functions
from .bench import Bench
from .functions import HostFunctions

__tracebackhide__ = True
Check = Callable[[Any], None]


class Blocked(SkipTest):
    """An earlier test has found something, which says what is to be mended first."""


class Checks(HostFunctions):
    """Base of all tests. What each has found is kept per class, so that none is tried twice for the sake of others:
    by its name, why others wait for it, or nothing."""

    __test__ = False
    _found: ClassVar[dict[str, str]] = {}
    _bench: Bench | None = None

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        cls._found = {}
        if "__test__" not in vars(cls):
            cls.__test__ = True

    @property
    def bench(self) -> Bench:
        """The app, made when it is first needed."""
        if self._bench is None:
            self._bench = Bench(self)
        return self._bench

    def skip_without(self, *names: str) -> None:
        """Leave the test out where the suite has not written one of these functions."""
        for name in names:
            if not functions.is_written(self, name):
                raise SkipTest(functions.told(self, name))

    def _run(self, judge: Check, after: tuple[Check, ...], needs: tuple[str, ...]) -> None:
        outermost = self._bench is None
        try:
            self.skip_without(*needs)
            for earlier in after:
                self._stand_on(earlier.__name__)
            judge(self)
        except Blocked as blocked:
            self._found[judge.__name__] = str(blocked)
            raise
        except SkipTest:
            self._found[judge.__name__] = ""
            raise
        except Exception as error:
            line = (str(error) or type(error).__name__).splitlines()[0]
            self._found[judge.__name__] = f"first mend what {judge.__name__} says: {line}"
            raise
        else:
            self._found[judge.__name__] = ""
        finally:
            if outermost and self._bench is not None:
                self._bench.close()
                self._bench = None

    def _stand_on(self, name: str) -> None:
        if name not in self._found:
            with suppress(Exception):
                getattr(self, name)()
        if reason := self._found.get(name):
            raise Blocked(reason)


def check(*after: Check, needs: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """A test that comes after others, and needs optional functions of the suite."""

    def make(judge: Check) -> Check:
        @wraps(judge)
        def run(self: Checks) -> None:
            self._run(judge, after, needs)

        return run

    return make
