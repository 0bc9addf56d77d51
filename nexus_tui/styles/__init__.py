"""Themes and style sheets of the console."""
