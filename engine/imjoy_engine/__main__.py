"""`python -m imjoy_engine`."""

from imjoy_engine.cli import main

if __name__ == "__main__":
    main()
