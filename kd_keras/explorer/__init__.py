"""The page that shows codes: what is in it, and how it is written."""
