"""``python -m pgjobs`` is the same as the command ``pgjobs``."""

from pgjobs.cli import main

if __name__ == "__main__":
    main()
