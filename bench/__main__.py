"""`python -m bench`, and so `make bench`: everything of `bench.run`."""

import sys

from bench.run import main

sys.exit(main())
