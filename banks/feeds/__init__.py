"""Aggregators as sources of statement lines, for accounts whose bank pushes no movements itself (chapter 9)."""
