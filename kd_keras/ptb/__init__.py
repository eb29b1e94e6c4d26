"""The paper's experiment: what is run, in which folders, and the table of what it gave."""
