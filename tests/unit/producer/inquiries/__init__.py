"""Tests of what any broker is asked."""
