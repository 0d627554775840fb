"""Structures as inline SVG, and the shell that the HTML pages of the package share."""

from catenane.drawing.pages import render_page, write_page
from catenane.drawing.structures import depict, structures

__all__ = ["depict", "render_page", "structures", "write_page"]
