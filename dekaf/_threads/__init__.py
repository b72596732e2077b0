"""Threads of the operating system, and what they share; also where gevent has made greenlets of an application's."""
