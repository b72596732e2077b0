"""Tests of the shop, to copy from, and of the demo."""
