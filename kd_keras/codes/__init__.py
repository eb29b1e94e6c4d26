"""Codes as data: checks, random draws, packing, statistics and sizes."""
