"""A whole model made small: what to find, plan, learn and tune in it."""
