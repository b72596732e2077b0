"""Tests of the request and response encodings."""
