"""`python -m efnn_cli` is `efnn`."""

import sys

from efnn_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
