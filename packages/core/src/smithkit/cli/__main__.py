"""``python -m smithkit.cli``."""

from __future__ import annotations

import sys

from smithkit.cli import main

sys.exit(main())
