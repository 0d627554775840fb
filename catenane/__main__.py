"""`python -m catenane` is the program `catenane`."""

from catenane.cli import main

main()
