"""Codes as data: checked, drawn, packed, counted, and what they cost."""
