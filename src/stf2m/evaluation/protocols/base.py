"""What every protocol promises: settings, a card in words, and splits of one person that are checked before use."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from pydantic import Field, NonNegativeInt, field_validator

from stf2m.core.config import Settings, later
from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.picture import Picture, draw
from stf2m.evaluation.protocols.split import Split
from stf2m.evaluation.protocols.world import World

Context = Literal["stimulus", "clock", "label_times"]
CONTEXT_WORDS: dict[Context, str] = {
    "stimulus": (
        "The stimulus is known: what training and validation people said at the same second of the same stimulus is one more view "
        "(`crowd`) of every segment, for every learner and baseline. Nobody's own labels enter their own view, test people's nobody's. What "
        "is expected there, corrected by how the person's labels differ from the others', is evidence beside every method's answer."
    ),
    "clock": (
        "The clock is known: what training and validation people said at the same time into their sessions is one more view (`clock`) "
        "of every segment, for every learner and baseline. Nobody's own labels enter their own view, test people's nobody's. Where "
        "people run through one plan earlier or later, the others' sessions are also moved in time until they fit what the person's "
        "signals said so far."
    ),
    "label_times": (
        "The times of the person's labels are known: every learner and baseline may also look at labels near in time, a label "
        "corrects most what is expected shortly before and after it, and others' sessions are moved until they fit the labels too."
    ),
}
WITHOUT_CLASSES = (
    "The target has no classes, only valence and arousal: k counts labelled segments in total, drawn at random among those that "
    "may be labelled, without looking at how they were rated."
)


class ProtocolCard(NamedTuple):
    """What a number printed under a protocol means."""

    name: str
    words: str
    settings: dict
    hash: str
    picture: str
    """an SVG element"""


class Protocol(Settings):
    """Settings that all protocols share; a protocol adds its own and says in `words` what it does with them."""

    name: ClassVar[str]
    own_training: ClassVar[bool] = False
    """training sees something else than under the other protocols (`world`), so its cells are its own"""
    person_is_known: ClassVar[bool] = False
    """the test person's other segments are in training"""
    needs_second: ClassVar[bool] = False
    """the study must name a second data set"""
    is_leaky: ClassVar[bool] = False
    """its scores are no evidence; they are marked wherever they are printed, and stand beside what is left above the floors"""
    offers: ClassVar[tuple[Context, ...]] = ("stimulus", "clock")
    """kinds of context that make sense here"""

    shots: tuple[NonNegativeInt, ...] = Field(default=(0, 1, 5), min_length=1)
    """k as the protocol counts it"""
    draws: int = Field(default=3, ge=1)
    """random support draws per person; smaller k are nested in larger ones"""
    guard: float = Field(default=4.0, ge=0)
    """s between the edges of support and query segments of one recording"""
    context: tuple[Context, ...] = later(())
    """what is known beside the signals, open to every method: "stimulus", "clock", "label_times"; such scores stand apart"""

    @field_validator("context")
    @classmethod
    def _offered(cls, context: tuple[Context, ...]) -> tuple[Context, ...]:
        """In one order, so that a card does not depend on how it was written."""
        for kind in context:
            if kind not in cls.offers:
                raise ValueError(f"{cls.name} offers no context {kind!r}; it offers {', '.join(cls.offers) or 'none'}")
        return tuple(kind for kind in get_args(Context) if kind in context)

    @property
    def trains_apart(self) -> bool:
        """Training sees something else than under other protocols: a world of its own, or context."""
        return self.own_training or bool(self.context)

    @property
    def heading(self) -> str:
        """The title with what is known beside the signals."""
        return ", ".join([self.title, *(f"{kind.replace('_', ' ')} known" for kind in self.context)])

    @property
    def tasks(self) -> dict[str, Any]:
        """Settings of meta-tasks that look like this protocol; trainings under `context`, which are its own, draw them so."""
        return {}

    @property
    def title(self) -> str:
        """The name with what tells it from its siblings in one study, for headings."""
        return self.name.replace("_", " ")

    @property
    def words(self) -> str:
        """The card's text, without what `context` adds."""
        raise NotImplementedError

    def words_for(self, target: str) -> str:
        """The card's text for a target; where it has no classes, how "per class" is read."""
        return self.card.words if has_classes(target) else f"{self.card.words} {WITHOUT_CLASSES}"

    @property
    def picture(self) -> Picture:
        """Who trains, what is support, what is query, what is taken away."""
        raise NotImplementedError

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        """Checked splits of one person, smaller k first within a draw; none when the person has too little."""
        raise NotImplementedError

    @property
    def turns(self) -> int:
        """Trainings per fold; the splits of draw d belong to training `d % turns`."""
        return 1

    def world(self, segments: Segments, target: str, fold: Fold, seed: int, turn: int = 0) -> World:
        """What fit, tuning and floors may see in this fold and turn. Test people are left out of every fit by the fold."""
        return World(segments, fold, turn)

    def rehearsals(self, world: World, target: str, seed: int) -> list[Split]:
        """Splits of the validation people on which settings are chosen, made of nothing but the training's world."""
        return [split for p in world.fold.validation for split in self.splits(world.segments, target, p, seed)]

    def questions(self, segments: Segments, target: str, subject: int, seed: int, turn: int = 0) -> list[Split]:
        """The splits of one test person that the training of this turn is asked."""
        return [split for split in self.splits(segments, target, subject, seed) if split.draw % self.turns == turn]

    @property
    def card(self) -> ProtocolCard:
        """Name, words, settings and their hash, picture."""
        drawn = ["Learners train on tasks that are drawn as this protocol draws its questions."] if self.context else []
        words = " ".join([self.words, *(CONTEXT_WORDS[kind] for kind in self.context), *drawn])
        return ProtocolCard(self.name, words, self.facts(), f"{self.name}-{self.hash}", draw(self.picture, self.name.replace("_", " ")))
