"""The one error tree: what was wrong, where, what was expected, what came, what to do.

    Stf2mError                       1
    +-- InputError                   (a file or folder that a person gave us)
    |   +-- UnreadableFile          10   not in the format its name promises
    |   +-- TruncatedFile           11   ends before it should
    |   +-- UnknownColumn           12   a column or key that is missing or not known
    |   +-- WrongUnit               13   values that cannot be in the declared unit
    |   +-- MissingRun              14   a run of missing samples that is too long to bridge
    |   +-- RateContradiction       15   declared sample rate against the time column
    |   +-- TimesNotIncreasing      16   duplicated or back-running time stamps
    |   +-- LabelOutOfScale         17   a label outside its declared scale
    |   +-- NothingToRead           18   an empty folder, file or selection
    |   +-- InvalidRecord           19   parts of a recording that contradict each other
    +-- StoreError                   (files that we wrote)
    |   +-- NoSpace                 30   the disk is full; nothing was left half-written
    |   +-- CorruptStore            31   a checksum or size that does not match
    |   +-- WrongVersion            32   written by a version that this one cannot read
    |   +-- NotStored               33   a person, recording or file that is not there
    |   +-- InUse                   34   another run is writing the same file
    |   +-- NotAccessible           35   a file or folder that may not be read or written, or is of the wrong kind
    +-- ChoiceError                  (settings and names)
    |   +-- UnknownName             40   not in a registry; the neighbours are named
    |   +-- InvalidConfig           41   a key or value that a setting does not take
    |   +-- MissingExtra            42   an optional package is not installed
    |   +-- OverBudget              43   would take longer than it may
    +-- ScienceError                 (a request that would not be a valid experiment)
        +-- SensorMismatch          50   a bundle and a recording share no usable sensors
        +-- Leak                    51   a split or setting that would leak
        +-- NotEnoughLabels         52   too few labelled segments for what was asked
        +-- NoConsent               53   the recording's consent does not cover this use

The number is the exit code of the command line. Expected outcomes such as a poor signal are
statuses of a prediction, not errors.
"""


class Stf2mError(Exception):
    """One sentence a user can act on.

    `where` names file, person, stream or line. `expected` and `got` are short phrases and `hint`
    says what to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = "", expected: object = "", got: object = "", hint: str = ""):
        self.what, self.where, self.hint = what, str(where), hint
        self.expected, self.got = str(expected), str(got)
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """`where: what; expected ..., got ... - hint`, with the empty parts left out."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected and self.got:
            text += f"; expected {self.expected}, got {self.got}"
        elif self.expected or self.got:
            text += f"; expected {self.expected}" if self.expected else f"; got {self.got}"
        return f"{text} - {self.hint}" if self.hint else text

    def __str__(self) -> str:
        return self.sentence


class InputError(Stf2mError):
    """A file or folder given by a person cannot be used as it is."""


class UnreadableFile(InputError):
    """The file is not in the format that its name promises."""

    exit_code = 10


class TruncatedFile(InputError):
    """The file ends before it should."""

    exit_code = 11


class UnknownColumn(InputError):
    """A column or key is missing, or is not known."""

    exit_code = 12


class WrongUnit(InputError):
    """Values lie outside what the declared unit allows."""

    exit_code = 13


class MissingRun(InputError):
    """A run of missing samples is too long to bridge."""

    exit_code = 14


class RateContradiction(InputError):
    """The declared sample rate and the time column disagree."""

    exit_code = 15


class TimesNotIncreasing(InputError):
    """Time stamps repeat or run backwards."""

    exit_code = 16


class LabelOutOfScale(InputError):
    """A label lies outside its declared scale and declared overshoot."""

    exit_code = 17


class NothingToRead(InputError):
    """A folder, file or selection holds nothing."""

    exit_code = 18


class InvalidRecord(InputError):
    """Parts of a recording contradict each other."""

    exit_code = 19


class StoreError(Stf2mError):
    """Files that this program wrote cannot be used or written."""


class NoSpace(StoreError):
    """The disk is full; nothing was left half-written."""

    exit_code = 30


class CorruptStore(StoreError):
    """A checksum, size or manifest does not match."""

    exit_code = 31


class WrongVersion(StoreError):
    """Written by a version that this one cannot read."""

    exit_code = 32


class NotStored(StoreError):
    """A person, recording or file is not there."""

    exit_code = 33


class InUse(StoreError):
    """Another run is writing the same file."""

    exit_code = 34


class NotAccessible(StoreError):
    """A file or folder that may not be read or written, or is of the wrong kind."""

    exit_code = 35


class ChoiceError(Stf2mError):
    """A setting or a name that does not exist."""


class UnknownName(ChoiceError):
    """Not in a registry; the message names the neighbours."""

    exit_code = 40


class InvalidConfig(ChoiceError):
    """A key or value that a setting does not take."""

    exit_code = 41


class MissingExtra(ChoiceError):
    """An optional package is not installed; the message names the extra."""

    exit_code = 42


class OverBudget(ChoiceError):
    """The work would take longer than its settings allow."""

    exit_code = 43


class ScienceError(Stf2mError):
    """A request that would not be a valid experiment."""


class SensorMismatch(ScienceError):
    """A bundle and a recording share no usable sensors."""

    exit_code = 50


class Leak(ScienceError):
    """A split or setting that would let test information into training."""

    exit_code = 51


class NotEnoughLabels(ScienceError):
    """Too few labelled segments for what was asked."""

    exit_code = 52


class NoConsent(ScienceError):
    """The consent stored with a recording does not cover this use."""

    exit_code = 53
