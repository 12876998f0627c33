"""`python -m decode`: the command line."""

from decode.cli import main

if __name__ == "__main__":
    main()
