"""The Penn Treebank in Mikolov's split, as the paper's language model uses it.

It has 929,589 tokens of training text, 73,760 for validation and 82,430 for
testing, including an `<eos>` at the end of every line. The vocabulary has
10,000 words.
"""
