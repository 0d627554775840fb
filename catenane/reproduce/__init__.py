"""Published tables and figures, made again: each protocol's number beside the paper's."""

from catenane.reproduce.catalogue import PROTOCOLS, Protocol, find_protocol, reproduce, result_folder
from catenane.reproduce.result import Reproduction, Table, as_markdown, read_reproduction

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "Reproduction",
    "Table",
    "as_markdown",
    "find_protocol",
    "read_reproduction",
    "reproduce",
    "result_folder",
]
