"""Dekaf in Django: `INSTALLED_APPS += ["dekaf.contrib.django"]`, and `DEKAF` in the settings.

DEKAF = {"bootstrap_servers": "localhost:9092"}  # or by alias: {"default": {…}, "audit": {…}}


def place_order(request):
    ...
    get_producer().fire("orders", order.id, order.as_event())
"""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("django", "django", "asgiref"):
    from dekaf.contrib.django.context import produce_context, suppress
    from dekaf.contrib.django.producers import get_async_producer, get_producer, get_registry

__all__ = ("get_async_producer", "get_producer", "get_registry", "produce_context", "suppress")
