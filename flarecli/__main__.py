"""`python -m flarecli`: the `flare` command."""

from flarecli.cli.entry import main

if __name__ == "__main__":
    main()
