"""What is wrong with one value, before anybody knows where it stands."""

from __future__ import annotations


class Wrong(ValueError):
    """A value that cannot be used: `said` completes the sentence that begins with the value, `hint` says what to do.

    Neither quotes the value, which may have come out of the environment and be a secret; whoever reports it quotes the
    file's own text. `at` is the path from the checked object down to the culprit, empty for the object itself.
    """

    def __init__(self, said: str, *, hint: str = "", at: tuple[str | int, ...] = ()) -> None:
        super().__init__(said)
        self.said = said
        self.hint = hint
        self.at = at
