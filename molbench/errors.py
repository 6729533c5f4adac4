"""The one exception that means "you can fix this"."""


class UserError(Exception):
    """A mistake in the user's input: says what was wrong, where, and what to do.

    The command line prints the message without a traceback and exits with code 2.
    """
