"""The paper's experiment: which trainings, in which folders, and its table."""
