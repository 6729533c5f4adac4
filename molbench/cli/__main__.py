"""``python -m molbench.cli``, for use where the script is not on the path."""

from molbench.cli.main import main

if __name__ == "__main__":
    main()
