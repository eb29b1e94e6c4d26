"""The paper's main experiment: an LSTM language model on the Penn Treebank."""
