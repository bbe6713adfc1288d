"""`python -m vermilion` is the command line."""

from vermilion.cli import main

if __name__ == "__main__":
    main()
