"""Structures as inline SVG."""

from catenane.drawing.structures import depict, structures

__all__ = ["depict", "structures"]
