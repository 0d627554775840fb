"""The vocabularies that come with the package, and the program that made them."""
