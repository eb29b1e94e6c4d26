"""The interactive page that shows the codes of a table."""
