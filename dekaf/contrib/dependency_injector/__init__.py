"""Dekaf in containers of the package dependency-injector."""

from __future__ import annotations

from dekaf.contrib.dependency_injector.container import ProducerContainer

__all__ = ("ProducerContainer",)
