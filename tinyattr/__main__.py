"""`python3 -m tinyattr` runs the command line."""

from tinyattr.cli.main import entry

if __name__ == "__main__":
    entry()
