"""Catenane."""
