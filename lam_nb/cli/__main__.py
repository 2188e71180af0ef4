"""Run ``python -m lam_nb.cli``."""

import sys

from . import main

sys.exit(main())
