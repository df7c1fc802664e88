"""Our templates, beside any template environment of a host's (architecture §3.11).

Ours are written in Jinja's own spelling and rendered in an environment of ours, so that the host's delimiters, filters,
autoescaping, sandbox or async don't touch them; the host's stay in the host's. Where they meet:

- a file `referrals/…` of the host's own replaces ours, and is rendered as the host's
- a template of the host's that imports or includes one of ours gets a few lines, in the host's spelling, that call ours
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from flask import Blueprint, Flask, current_app
from jinja2 import BaseLoader, Environment, FileSystemLoader, StrictUndefined, Template, TemplateNotFound, pass_context
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.runtime import Context
from markupsafe import Markup

from .addresses import address
from .state import get_state
from .transactions import is_lost

log = logging.getLogger("flask_referrals")
KEY = "referrals_templates"
#: The plain page of our own, the one template of ours that others extend.
PLAIN_BASE = "referrals/base.html"
#: What hosts import: an error in it must not break their page.
_FOR_HOSTS = ("referrals/_macros.html", "referrals/_chain.html")
_FOLDER = Path(__file__).parents[1] / "templates"
_MACRO = re.compile(r"\{%-? macro (\w+)\(")
_SIGN = re.compile(r"\{%|%\}|\{\{|\}\}|\{#|#\}")
_Source = tuple[str, str | None, Callable[[], bool] | None]


class Templates:
    """Our templates in one app. `tools` are globals for them, and for the host's unless it has the name already."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.tools: dict[str, Any] = {}
        self.files = FileSystemLoader(_FOLDER)
        self._frames: dict[tuple[Environment, str, str], Template] = {}

    def render(self, name: str, /, **values: Any) -> Markup:
        """Render one of our templates, or the host's in its place."""
        if self.overridden:
            theirs: dict[str, Any] = {}
            self.app.update_template_context(theirs)
            theirs = {**self.app.jinja_env.globals, **theirs}
            if name not in self.overridden:
                theirs = {key: value for key, value in theirs.items() if key not in self.environment.globals}
            values = theirs | values
        return Markup(self.environment.get_template(name).render(values))

    def frame(self, base: str, block: str, title_block: str) -> Template:
        """A template that puts `referrals_body` into a block of a base, `referrals_base`, and `referrals_title` too."""
        ours = base == PLAIN_BASE and base not in self.overridden
        environment = self.environment if ours else self.app.jinja_env
        key = (environment, block, title_block)
        if key not in self._frames:
            parts = ["{% extends referrals_base %}", _block(block, "referrals_body")]
            if title_block:
                parts.append(_block(title_block, "referrals_title"))
            self._frames[key] = environment.from_string(_respell("".join(parts), environment))
        return self._frames[key]

    def macro(self, template: str, name: str, values: tuple[Any, ...], named: Mapping[str, Any]) -> Markup:
        """Call a macro of ours; one for hosts says nothing, and logs, where it fails, unless we are to be strict."""
        try:
            macro = getattr(self.environment.get_template(template).module, name)
            return Markup(macro(*values, **named))
        except Exception as error:
            if template not in _FOR_HOSTS or get_state(self.app).settings.strict or is_lost(error):
                raise
            log.exception("the macro %s of %s could not be shown; the page goes on without it", name, template)
            return Markup("")

    def open_doors(self, environment: Environment) -> None:
        """Give an environment of the host's what its templates call ours by."""
        environment.globals.update(
            flask_referrals_macro=self.macro, flask_referrals_body=_body, flask_referrals_static=_static
        )
        for name, tool in self.tools.items():
            environment.globals.setdefault(name, tool)

    @cached_property
    def environment(self) -> Environment:
        """Our own environment."""
        reload = self.app.config.get("TEMPLATES_AUTO_RELOAD")
        environment = Environment(
            loader=_Ours(self),
            autoescape=True,
            undefined=StrictUndefined,
            bytecode_cache=_COMPILED,
            auto_reload=self.app.debug if reload is None else bool(reload),
        )
        environment.globals.update(self.tools, url_for=address, flask_referrals_static=_static)
        return environment

    @cached_property
    def overridden(self) -> frozenset[str]:
        """The names of our templates that the host has files of its own for."""
        return frozenset(name for name in self.files.list_templates() if self._has_its_own(name))

    def _has_its_own(self, name: str) -> bool:
        environment = self.app.jinja_env
        try:
            path = None if environment.loader is None else environment.loader.get_source(environment, name)[1]
        except (TemplateNotFound, RuntimeError):  # there is none, or the host has compiled its own and keeps no source
            return False
        return environment.loader is not None and (path is None or not Path(path).is_relative_to(_FOLDER))

    @cached_property
    def theirs(self) -> Environment:
        """The host's environment for its files in place of ours; ours include them, so that they must not wait."""
        theirs = self.app.jinja_env
        if theirs.is_async:
            theirs = theirs.overlay(bytecode_cache=None)
            theirs.is_async = False
        return theirs


class _Ours(BaseLoader):
    """Loads our templates into our environment, and in their place those that the host has."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def get_source(self, environment: Environment, template: str) -> _Source:
        return self._templates.files.get_source(environment, template)

    def load(self, environment: Environment, name: str, globals: Any = None) -> Template:
        if name in self._templates.overridden:
            return self._templates.theirs.get_template(name)
        return super().load(environment, name, globals)


class _Doors(BaseLoader):
    """What a host's environment finds under the names of our templates: macros and text that call ours."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def get_source(self, environment: Environment, template: str) -> _Source:
        source, path, is_current = self._templates.files.get_source(environment, template)
        self._templates.open_doors(environment)
        return _respell(self._text(template, source), environment), path, is_current

    def list_templates(self) -> list[str]:
        return self._templates.files.list_templates()

    @staticmethod
    def _text(template: str, source: str) -> str:
        if template == PLAIN_BASE:
            return source
        call = f"{{{{ flask_referrals_macro('{template}', '%s', varargs, kwargs) }}}}"
        macros = [f"{{% macro {name}() %}}{call % name}{{% endmacro %}}" for name in _MACRO.findall(source)]
        is_library = bool(macros) and template.rpartition("/")[2].startswith("_")
        return "".join(macros if is_library else [*macros, f"{{{{ flask_referrals_body('{template}') }}}}"])


class _Compiled(BytecodeCache):
    """Our templates are the same in every app, so they are compiled once in a process."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


def register(app: Flask) -> None:
    """Make our templates known to an app. Its environment is made no sooner by that: it may still be set up."""
    templates = app.extensions[KEY] = Templates(app)
    blueprint = Blueprint("referrals_templates", "flask_referrals")
    blueprint.jinja_loader = _Doors(templates)
    app.register_blueprint(blueprint)

    @app.context_processor
    def open_doors() -> dict[str, Any]:
        templates.open_doors(app.jinja_env)
        return {}


def get_templates(app: Flask | None = None) -> Templates:
    """Our templates in this app, or the current one."""
    found: Templates = (app or current_app).extensions[KEY]
    return found


def _block(name: str, value: str) -> str:
    return f"{{% block {name} %}}{{{{ {value} }}}}{{% endblock %}}"


def _respell(text: str, environment: Environment) -> str:
    """The same template in the environment's spelling."""
    signs = {
        "{%": environment.block_start_string,
        "%}": environment.block_end_string,
        "{{": environment.variable_start_string,
        "}}": environment.variable_end_string,
        "{#": environment.comment_start_string,
        "#}": environment.comment_end_string,
    }
    return _SIGN.sub(lambda found: signs[found[0]], text)


def _static(filename: str) -> str:
    return address("referrals.static", filename=filename)


@pass_context
def _body(context: Context, template: str) -> Markup:
    """The text of a template of ours that one of the host's includes, with what that one knows."""
    templates = get_templates()
    own = templates.environment.globals
    values = {key: value for key, value in context.get_all().items() if key not in own}
    return Markup(templates.environment.get_template(template).render(values))
