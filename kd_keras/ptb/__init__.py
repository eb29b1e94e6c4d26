"""The paper's experiment: its training runs, their folders and Table 1."""
