"""The settings of a Django project with two producers."""

from __future__ import annotations

import os
from typing import Any

import django_stubs_ext

django_stubs_ext.monkeypatch()  # so that ModelAdmin[Order] runs

SECRET_KEY = "for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
ASGI_APPLICATION = "mysite.asgi.application"
WSGI_APPLICATION = "mysite.wsgi.application"
USE_TZ = True
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "dekaf.contrib.django",
    "orders",
]
MIDDLEWARE = [
    "dekaf.contrib.django.probes.ProbesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mysite.middleware.tenant",
    "dekaf.contrib.django.middleware.ProduceErrorMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SERVERS = os.environ.get("KAFKA", "kafka.invalid:9092")

DEKAF: dict[str, dict[str, Any]] = {
    "default": {
        "bootstrap_servers": SERVERS,
        "key": "str",
        "value": "json",
        "listener": "orders.listeners.SlowDeliveries",
    },
    "audit": {"bootstrap_servers": SERVERS, "linger_ms": 50, "compression_type": "gzip"},
    "tenants": {"bootstrap_servers": SERVERS},
}
DEKAF_TOPIC_PREFIX_REQUIRED = ["tenants"]

DEKAF_PROBES: dict[str, Any] = {"aliases": ["default"]}

CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
