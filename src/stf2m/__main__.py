"""`python -m stf2m` is the `stf2m` program."""

from stf2m.app.cli import main

if __name__ == "__main__":
    main()
