"""Tests of what was accepted, and of the bytes it takes."""
