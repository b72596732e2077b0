"""What needs many threads, forks or several event loops at once."""
