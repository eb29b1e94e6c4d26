"""The maps from a code to a vector, f in the paper.

`by_name` lists all of them.
"""
