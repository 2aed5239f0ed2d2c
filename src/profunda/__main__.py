"""`python -m profunda` is the command line."""

import sys

from profunda.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
