"""Django's settings: no more than the shop needs."""

from __future__ import annotations

import os
from typing import Any

from example_project.shop.events import EVENT_SERIALIZER

SECRET_KEY = "only for the example"  # nothing is signed
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "example_project.django_shop.urls"
ASGI_APPLICATION = "example_project.django_shop.asgi.application"
WSGI_APPLICATION = "example_project.django_shop.wsgi.application"
DATABASES: dict[str, Any] = {}
USE_TZ = True

INSTALLED_APPS = ["dekaf.contrib.django"]

DEKAF = {
    "bootstrap_servers": os.environ.get("DEKAF_BOOTSTRAP_SERVERS", "localhost:9092"),
    "linger_ms": os.environ.get("DEKAF_LINGER_MS", "5"),
    "client_id": "shop-django",
    "key": str,
    "value": EVENT_SERIALIZER,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "short"}},
    # INFO lets dekaf report what it delivered at shutdown.
    "loggers": {"dekaf": {"handlers": ["stderr"], "level": "INFO"}},
}
