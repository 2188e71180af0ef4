"""Run ``python -m lam_nb.networks.training PHOTOS --out net.safetensors``."""

import sys

from .learning import main

sys.exit(main())
