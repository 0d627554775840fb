"""The examples in docstrings show what really comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import catenane

MODULES = [
    module.name
    for module in pkgutil.walk_packages(catenane.__path__, "catenane.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run_as_they_stand(name: str):
    found = doctest.testmod(importlib.import_module(name))
    assert not found.failed


def test_public_functions_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = sum(
        bool(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))
    )
    assert examples >= 5
