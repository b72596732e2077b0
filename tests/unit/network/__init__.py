"""Tests of sockets and the thread that owns them."""
