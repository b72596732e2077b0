"""The shop's addresses; the same as in FastAPI, and one more for the sync view."""

from __future__ import annotations

from django.urls import path

from example_project.django_shop import views

urlpatterns = [
    path("items/<str:name>", views.show_item),
    path("orders", views.place_order),
    path("orders/express", views.accept_order),
    path("orders/sync", views.place_order_sync),
]
