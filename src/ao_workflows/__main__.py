"""``python -m ao_workflows``: the program ``ao``, for a checkout in which it is not installed."""

from ao_workflows.cli.main import main

if __name__ == "__main__":
    main()
