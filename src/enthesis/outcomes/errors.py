"""What is wrong with data that cannot be analysed."""


class FitError(ValueError):
    """The data cannot be fitted; `problems` are sentences, one per thing to mend."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))
