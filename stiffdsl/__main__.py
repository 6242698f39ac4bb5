"""`python -m stiffdsl` is the command `stiffdsl`."""

from stiffdsl.cli import main

if __name__ == "__main__":
    main()
