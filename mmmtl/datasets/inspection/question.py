"""What the files of a folder leave open, and what the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from mmmtl.errors import UserError

_SHOWN = 8


@dataclass(frozen=True)
class Answers:
    """What the user said about the files.

    Attributes:
        image: Pattern of the images.
        labels: Pattern by task.
        encoding: Word by task, see :meth:`mmmtl.tasks.Kind.encodings`.
        no_label: List of values by task, or ``'nothing'``.
        classes: Names of the classes by task.
        splits: ``train`` and ``val``: lists or shares.
        fit: ``'nearest'`` by task: resize labels to their images.
        palette: ``'colours'`` or ``'indices'`` by task: what counts of
            pictures with palettes.
    """

    image: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    encoding: Mapping[str, str] = field(default_factory=dict)
    no_label: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    fit: Mapping[str, str] = field(default_factory=dict)
    palette: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One decision that is left to the user.

    Attributes:
        option: The option of ``mmmtl init`` that answers it.
        task: The task it is about; empty for the whole folder.
        text: What is not known, and why.
        choices: Possible answers, the likeliest first. A word in capitals
            stands for a number.
        meanings: What each choice would mean, for people, or nothing.
    """

    option: str
    task: str
    text: str
    choices: tuple[str, ...]
    meanings: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = self.choices[:_SHOWN]
        lines = [
            f'{self.task or self.option.lstrip("-")}: {self.text}',
            *(
                f'    {self.command(choice)}'
                + (f'    ({meaning})' if meaning else '')
                for choice, meaning in zip_longest(
                    shown, self.meanings[:_SHOWN], fillvalue=''
                )
            ),
        ]
        if len(self.choices) > len(shown):
            lines.append(f'    ... {len(self.choices)} in all')
        return '\n'.join(lines)

    def command(self, choice: str) -> str:
        """Return the option to add for a choice."""
        value = f'{self.task}={choice}' if self.task else choice
        quoted = f"'{value}'" if set(value) & set(' *{}#') else value
        if self.option == '--splits':
            quoted = value
        return f'{self.option} {quoted}'


class OpenQuestionsError(UserError):
    """Files can be read in several ways; nothing is written.

    Attributes:
        questions: All that is open.
        notes: What was seen before.
    """

    def __init__(
        self, questions: Sequence[Question], notes: Sequence[str] = ()
    ) -> None:
        """Store the questions; the text lists them with their options."""
        self.questions = tuple(questions)
        self.notes = tuple(notes)
        listing = '\n'.join(map(str, questions))
        super().__init__(
            f'{len(questions)} open question{"s" * (len(questions) > 1)}, '
            f'nothing is written; add an option for each:\n{listing}'
        )
