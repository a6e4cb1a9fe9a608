"""`python -m alignscore_metric` is the command `alignscore`."""

import sys

from alignscore_metric.commands.main import main

sys.exit(main())
