"""The project; Celery is loaded with it, so that Django's adapter finds it."""

from __future__ import annotations

from mysite.celery import app as celery_app

__all__ = ("celery_app",)
