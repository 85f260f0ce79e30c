"""`python -m flowgate`: the command `flowgate`, where its script is not on PATH."""

from flowgate.cli.main import main

if __name__ == "__main__":
    main()
