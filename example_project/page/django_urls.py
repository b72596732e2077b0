"""The Django shop's addresses, and the page's."""

from __future__ import annotations

from django.urls import path

from example_project.django_shop.urls import urlpatterns as shop_urls
from example_project.page import django_views

urlpatterns = [
    *shop_urls,
    path("", django_views.show_file),
    path("page/<str:name>", django_views.show_file),
    path("events", django_views.watch),
    path("kafka/<str:what>", django_views.switch),
]
