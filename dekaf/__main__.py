"""`python -m dekaf`: the command."""

from __future__ import annotations

import sys

from dekaf.command.main import main

if __name__ == "__main__":
    sys.exit(main())
