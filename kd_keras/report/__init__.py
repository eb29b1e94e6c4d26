"""The report on a compressed table: measurements, text and pictures."""
