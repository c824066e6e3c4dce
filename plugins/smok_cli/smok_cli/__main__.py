"""``python -m smok_cli`` is ``smok``."""

import sys

from smok_cli import main

sys.exit(main())
