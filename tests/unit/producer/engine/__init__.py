"""Tests of what runs on the I/O thread."""
