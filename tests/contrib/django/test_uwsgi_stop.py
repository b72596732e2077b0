from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started

from dekaf.contrib.django import get_producer
from dekaf.contrib.django.asgi import watch_requests
from dekaf.contrib.django.uwsgi_stop import why_lost_under_uwsgi

HOOK = b"unix_signal:15 gracefully_kill_them_all"


def uwsgi_with(monkeypatch: pytest.MonkeyPatch, **options: object) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt=options))


@pytest.fixture
def watched() -> Iterator[None]:
    watch_requests()
    yield
    request_started.disconnect(dispatch_uid="dekaf.contrib.django")


def test_other_servers_are_fine() -> None:
    assert why_lost_under_uwsgi() is None


@pytest.mark.parametrize("options", [{"hook-master-start": HOOK}, {"hook-master-start": [b"something else", HOOK]}])
def test_workers_that_may_finish_their_requests_are_fine(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    uwsgi_with(monkeypatch, master=True, processes=b"2", **options)

    assert why_lost_under_uwsgi() is None


@pytest.mark.usefixtures("watched")
def test_workers_that_are_cut_off_are_an_error_at_the_first_lookup(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uwsgi_with(monkeypatch, master=True, **{"die-on-term": True, "module": b"shop.wsgi"})

    with caplog.at_level(logging.WARNING, "dekaf"):
        request_started.send(sender=WSGIHandler, environ={})
        get_producer()
        get_producer()

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "hook-master-start = unix_signal:15 gracefully_kill_them_all" in caplog.text
