"""The Penn Treebank in Mikolov's split, as the paper's language model uses it.

929,589 tokens of training text, 73,760 and 82,430 to validate and test,
`<eos>` at the end of every line counted; a vocabulary of 10,000.
"""
