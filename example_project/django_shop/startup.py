"""What asgi.py and wsgi.py do last."""

from __future__ import annotations

import gc
from importlib import import_module

from django.conf import settings


def freeze_startup_objects() -> None:
    """Take everything that start-up made out of the garbage collector's sight; call it once, at the end.

    Requests that wait for an acknowledgement are objects that survive the collector's young generations, so full
    collections become frequent, and each walks every object made at start-up. They never become garbage.
    """
    import_module(settings.ROOT_URLCONF)  # the views, which Django would load with the first request
    gc.collect()
    gc.freeze()
