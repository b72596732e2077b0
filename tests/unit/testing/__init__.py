"""Tests of what dekaf offers for tests."""
