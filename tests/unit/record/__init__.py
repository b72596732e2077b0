"""Tests of record batches and compression."""
