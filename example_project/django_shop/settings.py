"""Django's settings: no more than the shop needs."""

from __future__ import annotations

import os
from pathlib import Path
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

# Every DEKAF_… variable is an option: DEKAF_LINGER_MS, DEKAF_SECURITY_PROTOCOL, DEKAF_SASL_PASSWORD.
FROM_ENVIRONMENT = {
    name.removeprefix("DEKAF_"): value
    for name, value in os.environ.items()
    if value and name.startswith("DEKAF_") and not name.startswith("DEKAF_TEST_")  # those are of dekaf's own tests
}

DEKAF: dict[str, Any] = {
    "BOOTSTRAP_SERVERS": "localhost:9092",
    "CLIENT_ID": "shop-django",
    "KEY": str,
    "VALUE": EVENT_SERIALIZER,
    **FROM_ENVIRONMENT,
}
if (password_file := os.environ.get("SHOP_SASL_PASSWORD_FILE")) is not None:
    # A function: asked for each connection, so that a secret may be replaced while the shop runs.
    DEKAF["SASL_PASSWORD"] = lambda: Path(password_file).read_text(encoding="utf-8").strip()

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "short"}},
    # INFO lets dekaf report what it delivered at shutdown.
    "loggers": {"dekaf": {"handlers": ["stderr"], "level": "INFO"}},
}
