"""`python -m crmlab.cli`, where the command is not on the path."""

from crmlab.cli import main

if __name__ == "__main__":
    main()
