"""The command line: it only parses arguments and prints results."""
