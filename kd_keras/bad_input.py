"""The error for what a user can put right."""


class BadInputError(ValueError):
    """Something given to the command line is wrong; one line that says what.

    The command line prints it without a stack trace and exits with code 2.
    """
