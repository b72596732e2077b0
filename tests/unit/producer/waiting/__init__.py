"""Tests of how a thread, a coroutine or a callback hears of an outcome."""
