"""What an owner's file offers, and what it answers with.

claim(facts) -> Claim | None                      may this process be mine? Pure: cgroup, environment, ancestors
inspect(claim, facts, world) -> Read | None       ask the owner's own manager, bounded; raises Unanswered; None (of
                                                  an INSIDE kind alone): on a closer look it is not mine
outlook(owner, facts, action) -> Outlook | Deferred
                                                  what would become of it, or: the next layer decides. Pure
contain(owner, facts) -> Containment | None       how it is stopped for good, reversibly; None: as the next layer
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from runaway_watchdog.model import owner as model
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, KindName, Outlook
from runaway_watchdog.model.plan import Advice, Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.world import World

NOT_READ = "not read"
"""The policy of an owner whose manager did not answer."""


class Details(Protocol):
    """What one kind knows of its owner, each with its type. It may hold secrets: only `shown` is shown."""

    def shown(self) -> Mapping[str, Any]:
        """As `owners[].facts` of the JSON has it."""


D_co = TypeVar("D_co", bound=Details, covariant=True)


class Read(NamedTuple, Generic[D_co]):
    """One layer of ownership, with everything its own file needs to tell the future."""

    kind: KindName
    name: str  # as people call it: "ocr/worker", "docker.service"
    id: str
    policy: str  # the restart policy in the owner's own words: "always", "on-failure:5", "no"
    details: D_co
    evidence: tuple[str, ...]

    def told(self) -> model.Owner:
        """As the case file keeps it."""
        return model.Owner(self.kind, self.name, self.id, self.policy, self.details.shown(), self.evidence)

    def __repr__(self) -> str:
        return repr(self.told())


class Unread(NamedTuple):
    """The owner that the process itself names, where its manager did not answer: no policy, so no future."""

    kind: KindName
    name: str
    id: str
    evidence: tuple[str, ...]
    gap: Gap

    @property
    def policy(self) -> str:
        return NOT_READ

    def told(self) -> model.Owner:
        """As the case file keeps it."""
        return model.Owner(self.kind, self.name, self.id, NOT_READ, {}, self.evidence)


Owner = Read[Any] | Unread


Advise = Callable[[Any, World], Iterable[Advice]]
"""Of an owner, read or not; it may read files."""


class Kind(NamedTuple):
    """What every other room needs of a kind of owner, so that none has to know the kind itself."""

    name: KindName  # of the contract
    noun: str  # as people call it: "Docker container"
    line: str = ""  # how the tree of owners says it with its `{policy}`; "": its noun and the restart policy
    setting: str = 'restart policy "{policy}"'  # how its policy is said beside its noun
    daemon: str = "systemd"  # who is restarted by `owner-daemon-restart`
    doers: tuple[tuple[str, str], ...] = ()  # `Outlook.by`, and how that one is called
    by_the_clock: str = ""  # the `Outlook.by` whose next time comes whether the process died or not
    advice: Advise | None = None  # what makes its return harmless, as lines for the file that it reads
    owned: bool = True  # whether there is an owner at all that could be stopped
    starts: bool = True  # whether it could start something again
    waits: bool = True  # whether it waits for the ends of its processes
    marks: tuple[str, ...] = ()
    """Environment variables that the manager sets and that its file reads. No other variable is kept: an environment
    holds secrets."""


class Inside(Protocol):
    """A kind whose owner is another process beside this one, inside the same container or unit."""

    @property
    def KINDS(self) -> tuple[Kind, ...]:  # noqa: N802
        """Those that it answers for."""

    def claim(self, facts: Facts, /) -> Claim | None: ...

    def inspect(self, claim: Claim, facts: Facts, world: World, /) -> Owner | None: ...

    def outlook(self, owner: Any, facts: Facts, action: Action, /) -> Outlook | Deferred: ...

    def contain(self, owner: Any, facts: Facts, /) -> Containment | None: ...


class Around(Inside, Protocol):
    """A kind in whose room the process is, by its cgroup."""

    def inspect(self, claim: Claim, facts: Facts, world: World, /) -> Owner: ...


class Layered(Around, Protocol):
    """One that may have another layer around it which the process itself does not tell."""

    def outer(self, owner: Any, /) -> Claim | None:
        """That layer's claim."""
