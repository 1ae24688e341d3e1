"""The one error a user sees: what is wrong, where, and what would be right."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from outside: a sentence, a file, an option.

    Parameters
    ----------
    message
        One line: what is wrong.
    hint
        What would be right, or None.
    excerpt
        The offending line with a caret under the place, or None.
    examples
        Up to three valid examples.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, excerpt: str | None = None, examples: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.excerpt = excerpt
        self.examples = examples

    def __str__(self) -> str:
        lines = [self.message]
        if self.excerpt:
            lines.append(self.excerpt)
        if self.hint:
            lines.append(self.hint)
        if self.examples:
            lines.append("For example:")
            lines += [f"    {e}" for e in self.examples]
        return "\n".join(lines)
