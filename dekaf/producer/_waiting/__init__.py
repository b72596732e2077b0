"""How a thread, a coroutine or a callback hears of an outcome."""
