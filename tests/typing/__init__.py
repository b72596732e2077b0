"""Programs that type checkers, not the interpreter, run."""
