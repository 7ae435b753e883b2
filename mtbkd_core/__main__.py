"""`python -m mtbkd_core`: the command line, see `mtbkd_core.cli`."""

from mtbkd_core.cli.main import main

if __name__ == "__main__":
    main()
