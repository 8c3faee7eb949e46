"""The local demo, in one process: config, storage, models, supervisor, server, and the page."""

import sys

from legato.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
