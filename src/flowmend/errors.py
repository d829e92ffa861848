"""The one exception a user's mistake raises: it says what, where and what to do."""


class InputError(Exception):
    """Bad input. Shown as one line, exit code 2, no traceback.

    Args:
        where: the file, and the key or frame in it, e.g. ``params.yaml: scales.smoke.train.steps``.
        what: what is wrong with it, in words.
        remedy: what the user can do about it.
    """

    def __init__(self, where: object, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}; {remedy}")
        self.where = str(where)
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """So that it comes back whole from a worker process."""
        return InputError, (self.where, self.what, self.remedy)
