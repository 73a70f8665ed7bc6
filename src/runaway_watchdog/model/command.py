"""A shell line, taken apart: what each simple command would be given, as far as that is known without running it."""

from typing import NamedTuple


class Word(NamedTuple):
    """One word of a command.

    `text` is its value after quote removal and the expansions that can be known; None where it is only known when
    the line runs (a variable that nobody set, the output of an unknown program). `answers` are the commands whose
    output would stand here (`$(docker ps -aq)`, or what a pipe gives to xargs): they are answered by asking, never by
    running them, and then take the place of this word: split at white space, or, where it is `whole` (`"$(…)"`), as one
    word with all their lines in it.
    """

    text: str | None
    raw: str  # as it stands in the line
    globbing: bool = False  # holds an unquoted *, ? or […]
    answers: "Script | None" = None
    whole: bool = False


class Command(NamedTuple):
    """One simple command, its wrappers (sudo, env, nohup, time, nice …) taken off."""

    words: tuple[Word, ...]  # the program first; never empty
    environment: tuple[tuple[str, str | None], ...] = ()  # assignments that hold for it; None: value not known
    folder: str | None = None  # its working directory; None: not known
    or_folders: tuple[str, ...] = ()  # where it may run instead: the shell stays where it is when a `cd` fails
    reads: "Script | None" = None  # what a pipe gives to its standard input
    here: str | None = None  # a here-document or here-string on its standard input
    truncates: tuple[Word, ...] = ()  # files that a redirection empties: `> file`
    appends: tuple[Word, ...] = ()  # files that a redirection adds to: `>> file`
    prints_to: Word | None = None  # that one of them that its standard output goes to
    text: str = ""  # as it stands in the line
    number: int = 0  # of a copy, a move or a test: no other of the same text has it
    succeeded: frozenset[int] = frozenset()  # the numbers of those without whose success this one does not run
    conditional: bool = False  # after && or ||, in an if, a loop or a function: it may not run at all
    unordered: bool = False  # in the background, a loop, a trap: what follows cannot know when and how often it runs
    user: str | None = None  # whom sudo, su … make it run as, "" where that is not known; None: whoever types the line
    remote: bool = False  # on another host (ssh, docker -H, kubectl): nothing is known about it here

    @property
    def program(self) -> str | None:
        """The program's name without its folder; None where that is not known."""
        name = self.words[0].text
        return None if name is None else name.rsplit("/", 1)[-1]

    def in_each_folder(self) -> "tuple[Command, ...]":
        """The same in each of the folders that it may run in."""
        return tuple(self._replace(folder=each, or_folders=()) for each in (self.folder, *self.or_folders))


class Script(NamedTuple):
    """A whole line or file: its simple commands in the order in which they may run, and what could not be read.

    Every part of the line is in a command or in `unknown`: a line with anything in `unknown` is never called safe.
    """

    commands: tuple[Command, ...]
    unknown: tuple[str, ...] = ()  # sentences for the user, each naming the part of the line
