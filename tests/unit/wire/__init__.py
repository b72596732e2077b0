"""Tests of the byte encodings."""
