"""`python -m dashboard`: the command line where the `floodscope` script is not installed."""

from dashboard.cli import main

if __name__ == "__main__":
    main()
