"""`fairlead` and `python -m broker`: the command line."""

from broker.cli.app import main

if __name__ == "__main__":
    main()
