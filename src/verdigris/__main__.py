"""`python -m verdigris` is the command line."""

from verdigris.cli import main

main()
