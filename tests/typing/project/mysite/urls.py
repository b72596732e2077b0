"""Where everything is."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from orders import async_views, views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("orders/<str:customer>", views.place_order),
    path("orders/<str:customer>/many", views.PlaceMany.as_view()),
    path("awaiting/<str:customer>", async_views.place_order),
    path("awaiting/<str:customer>/many", async_views.place_many),
    path("tenants/<str:customer>", views.tell_tenant),
    path("internal/producers", views.is_ready),
]
