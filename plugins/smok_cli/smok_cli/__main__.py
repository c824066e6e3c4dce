"""``python -m smok_core.cli`` is ``smok``."""

import sys

from smok_core.cli import main

sys.exit(main())
