"""``python -m mmmtl`` is the command ``mmmtl``."""

import sys

from mmmtl.cli.app import main

sys.exit(main())
