"""Dekaf in containers of the package dependency-injector."""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("di", "dependency_injector"):
    from dekaf.contrib.dependency_injector.container import ProducerContainer

__all__ = ("ProducerContainer",)
