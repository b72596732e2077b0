"""The standard event loop, in a process that gevent has patched and in others."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from dekaf._network.native_loop import needs_system_socket, new_standard_loop


def test_without_gevent_it_is_asyncios_own() -> None:
    loop = new_standard_loop()
    try:
        assert isinstance(loop, asyncio.AbstractEventLoop)
        assert not needs_system_socket(loop)
    finally:
        loop.close()


def test_under_gevent_neither_its_selector_nor_its_sockets_are_used() -> None:
    program = """
from gevent import monkey
monkey.patch_all()
import asyncio, socket, threading
import gevent, gevent.selectors, gevent.socket
from dekaf._network.native_loop import needs_system_socket, new_standard_loop, system_socket
from dekaf._threads.native_thread import NativeThread

loop = new_standard_loop()
assert not isinstance(loop._selector, gevent.selectors.GeventSelector), loop._selector
assert needs_system_socket(loop)
for address, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
    with system_socket(address) as made:
        assert made.family == family
        assert not isinstance(made, gevent.socket.socket)

thread = NativeThread(loop.run_forever, "loop")
thread.start()
answers = []
loop.call_soon_threadsafe(answers.append, 42)  # wakes it through its own pair of sockets
loop.call_soon_threadsafe(loop.stop)
with gevent.Timeout(10):
    while thread.is_alive():
        gevent.sleep(0.001)
assert answers == [42]
loop.close()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
