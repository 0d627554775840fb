"""Published tables and figures, made again: each protocol's number beside the paper's."""

from catenane.reproduce.protocols import Protocol, find_protocol, protocols
from catenane.reproduce.result import Reproduction, Row, Table, as_markdown, read_result
from catenane.reproduce.runner import OUT, reproduce

__all__ = [
    "OUT", "Protocol", "Reproduction", "Row", "Table", "as_markdown", "find_protocol", "protocols",
    "read_result", "reproduce",
]  # fmt: skip
