"""The functions of an exported file."""
