"""`settings.DEKAF` shows no secret, whatever is wrong beside it."""

from __future__ import annotations

import logging

import pytest
from django.test import override_settings
from django.views.debug import ExceptionReporter

from dekaf.contrib.django import get_producer
from dekaf.contrib.django.checks import check_setting
from dekaf.contrib.django.producers import get_registry
from dekaf.errors import ConfigurationError
from tests.properties.secrets import MISTAKES, given_options, leaks_in, leaks_of, logged
from tests.unit.security.tracebacks import frames_of_dekaf


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("alias", ["", "audit"])
def test_no_secret_of_the_setting_is_shown(mistake: str, alias: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for options, is_wrong in given_options(mistake):
        secure = {**options, "BACKEND" if mistake == "in upper case" else "backend": "memory"}
        with override_settings(DEKAF={alias: secure} if alias else secure):
            faults = check_setting()
            if is_wrong:
                with pytest.raises(ConfigurationError) as caught:
                    get_producer(alias or "default")
                assert frames_of_dekaf(caught.value)
                assert not leaks_of(caught.value)
            else:
                producer = get_producer(alias or "default")
                registry = get_registry()
                assert not leaks_in(producer, producer.status(), registry, registry.config(alias or "default"))

        assert [fault.id for fault in faults] == (["dekaf.E001"] if is_wrong else [])
        assert not leaks_in(*[fault.msg for fault in faults])
    assert not leaks_in(logged(caplog.records))


def test_djangos_page_for_errors_shows_no_secret() -> None:
    """It shows the variables of every frame; in this one there are none."""
    for options, _ in given_options("another option is wrong"):
        with override_settings(DEKAF=options), pytest.raises(ConfigurationError) as caught:
            get_producer()
        del options

        reporter = ExceptionReporter(None, type(caught.value), caught.value, caught.tb.tb_next)

        assert not leaks_in(reporter.get_traceback_html())
