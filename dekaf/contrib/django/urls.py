"""URLs for the probes of an orchestrator: `path("", include("dekaf.contrib.django.urls"))`."""

from __future__ import annotations

from django.urls import path

from dekaf.contrib.django.probes import livez, readyz, startupz

__all__ = ("urlpatterns",)

app_name = "dekaf"
urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("startupz", startupz, name="startupz"),
]
