"""A person's wishes about rules as text: `delete 3`, `lock 5`, `2: heart rate > usual + 8 bpm, speaks for high arousal`.

    edit       = ("delete" | "restore" | "lock" | "unlock") NUMBER | NUMBER (":" | ".") part {("," | "and" | "then") part} {"[" MARK "]"}
    part       = antecedent | "ignore" NAME | "only" | "speaks for" EMOTION | ("low" | "neutral" | "high") ("valence" | "arousal")
    antecedent = NAME [place] ["within" AMOUNT [UNIT]] ["relevance" 0..1]
    place      = ">" "usual" ["+" AMOUNT [UNIT]] | "<" "usual" ["-" AMOUNT [UNIT]] | "=" "usual"
               | "is" AMOUNT [UNIT] ("above" | "below") "usual" | "is about usual"

A sentence as `rules.txt` prints it is a valid edit, with its number and its marks in brackets, which mean nothing here; so a rule may be
copied and changed. NAME is a readable descriptor (with its
sensor before it where two share a name), NUMBER counts from 1, UNIT is the descriptor's own or "s.d.".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.training.words import NOTHING, TERMS, Scale

VERBS = ("delete", "restore", "lock", "unlock")
AXES = ("valence", "arousal")
FORM = '"NUMBER: NAME > usual + AMOUNT UNIT", "speaks for EMOTION", "high arousal", "ignore NAME" or "only"'


@dataclass(frozen=True)
class Antecedent:
    """One changed input of a rule; None leaves a number as it is. `centre` (from usual) and `width` in standard deviations."""

    index: int
    centre: float | None = None
    width: float | None = None
    relevance: float | None = None


@dataclass(frozen=True)
class Edit:
    """One wish about one rule (index from 0). `verb` is one of `VERBS` or "change", and then the other fields say what.

    `only`: antecedents that are not named lose their relevance. `emotion` is a class; `terms` are (axis, term) indices.
    """

    text: str
    rule: int
    verb: str
    antecedents: tuple[Antecedent, ...] = ()
    only: bool = False
    emotion: int | None = None
    terms: tuple[tuple[int, int], ...] = ()


def parse_edit(text: str, scale: Scale, emotions: tuple[str, ...], rules: int) -> Edit:
    """One edit; raises `InvalidConfig` or `UnknownName` in one sentence that names what would be understood."""
    simple = re.fullmatch(rf"\s*({'|'.join(VERBS)})\s+(?:rule\s+)?(\d+)\s*", text, re.IGNORECASE)
    if simple:
        return Edit(text.strip(), _rule(simple[2], rules, text), simple[1].lower())
    text = re.sub(r"(?:\s*\[[^\]]*\])+\s*$", "", text)
    begun = re.match(r"\s*(?:rule\s+)?(\d+)(?:\s*:\s*|\.\s+)(?=\S)", text, re.IGNORECASE)
    if not begun:
        raise InvalidConfig("not an edit of a rule", where=repr(text), expected=f"{', '.join(f'{v} NUMBER' for v in VERBS)} or {FORM}")
    return _Reader(text, begun.end(), scale, emotions).read(Edit(text.strip(), _rule(begun[1], rules, text), "change"))


def _rule(number: str, rules: int, text: str) -> int:
    if not 1 <= int(number) <= rules:
        raise InvalidConfig("no such rule", where=repr(text), expected=f"1..{rules}", got=number, hint="stf2m rules BUNDLE lists them")
    return int(number) - 1


class _Reader:
    """Goes through the parts of a change from left to right."""

    def __init__(self, text: str, at: int, scale: Scale, emotions: tuple[str, ...]):
        self.text, self.at, self.scale, self.emotions = text, at, scale, emotions
        self.names = {}
        for j, info in enumerate(scale.infos):
            for name in (info.name, f"{info.modality} {info.name}"):
                self.names.setdefault(name.lower(), []).append(j)

    def read(self, edit: Edit) -> Edit:
        while True:
            self._take(r"(?:[\s,;.]|\b(?:if|and|then)\b)+")
            if self.at >= len(self.text):
                return edit
            edit = self._part(edit)

    def _part(self, edit: Edit) -> Edit:
        if self._take(r"only\b"):
            return replace(edit, only=True)
        if self._take(re.escape(NOTHING)):
            return edit
        if self._take(r"speaks?\s+for\s+"):
            said = replace(edit, emotion=self._known(self.emotions, "emotion"))
            self._take(r"\s*\(\s*[\d.]+\s*\)")
            return said
        term = self._take(rf"({'|'.join(TERMS)})\s+({'|'.join(AXES)})\b(?:\s*\(\s*[\d.]+\s*\))?")
        if term:
            return replace(edit, terms=(*edit.terms, (AXES.index(term[2].lower()), TERMS.index(term[1].lower()))))
        if self._take(r"ignore\s+"):
            return replace(edit, antecedents=(*edit.antecedents, Antecedent(self._antecedent(), relevance=0.0)))
        return replace(edit, antecedents=(*edit.antecedents, self._changed(self._antecedent())))

    def _changed(self, j: int) -> Antecedent:
        """What follows the name of an antecedent."""
        found = Antecedent(j, centre=self._place(j))
        while True:
            if self._take(r"\s*within\s+(?=[\d.])"):
                found = replace(found, width=self._amount(j))
            elif share := self._take(r"\s*relevance\s+(\d*\.?\d+)"):
                if not 0 <= float(share[1]) <= 1:
                    raise InvalidConfig("relevance", where=repr(self.text), expected="0..1", got=share[1])
                found = replace(found, relevance=float(share[1]))
            else:
                break
        if found == Antecedent(j):
            forms = f'"> usual + 1 {self.scale.units[j]}", "< usual", "= usual", "within ..." or "relevance 0..1"'
            hint = "conditions are relative to the person's usual, so a value alone says nothing"
            raise self._lost(f"how {self.scale.infos[j].name} should lie to usual", forms, hint)
        return found

    def _place(self, j: int) -> float | None:
        """Where the centre goes, in s.d. from usual."""
        usual = r"(?:usual|average)\b"
        if self._take(rf"\s*(?:=\s*|is\s+about\s+){usual}"):
            return 0.0
        side = self._take(rf"\s*([<>])\s*{usual}")
        if side:
            sign = 1.0 if side[1] == ">" else -1.0
            given = self._take(r"\s*([+-])\s*(?=[\d.])")
            if given and given[1] != ("+" if sign > 0 else "-"):
                raise InvalidConfig("the side and the amount contradict", where=repr(self.text), expected="> usual + or < usual -")
            return sign * (self._amount(j) if given else 1.0)
        if not self._take(r"\s*is\s+(?=[\d.])"):
            return None
        amount = self._amount(j)
        side = self._take(rf"\s*(above|below)\s+{usual}(?:\s*\([^)]*\))?")
        if not side:
            raise self._lost("a side", '"above usual" or "below usual"')
        return amount if side[1].lower() == "above" else -amount

    def _amount(self, j: int) -> float:
        """A number with or without its unit, in s.d."""
        number = self._take(r"(\d*\.?\d+(?:e[+-]?\d+)?)")
        if not number:
            raise self._lost("an amount", f"a number of {self.scale.units[j]}")
        if self._take(r"\s*s\.?d\.?(?=[\s,;)]|$)"):
            return float(number[1])
        unit = self.scale.units[j]
        if not self._take(rf"\s*{re.escape(unit)}(?![\w/])"):
            other = re.match(r"\s*(?!(?:relevance|within|and|then|above|below)\b)([^\s,;()]+)", self.text[self.at :], re.IGNORECASE)
            if other:
                raise InvalidConfig(f"unit of {self.scale.infos[j].name}", where=repr(self.text), expected=f"{unit} or s.d.", got=other[1])
        return float(number[1]) / float(self.scale.spread[j])

    def _antecedent(self) -> int:
        """Index of the longest antecedent name that stands here; raises `UnknownName`."""
        rest = self.text[self.at :].lower()
        name = max((n for n in self.names if re.match(rf"{re.escape(n)}(?!\w)", rest)), key=len, default="")
        if not name:
            written = re.split(r"\s*(?:[<>=,;]|\b(?:is|relevance|within|and|then)\b)", self.text[self.at :])[0].strip()
            raise self._unknown("antecedent, emotion or valence or arousal", written, [info.name for info in self.scale.infos])
        if len(self.names[name]) > 1:
            both = " or ".join(f"{self.scale.infos[j].modality} {name}" for j in self.names[name])
            raise UnknownName(f"two antecedents are called {name!r}", where=repr(self.text), hint=f"write {both}")
        self.at += len(name)
        return self.names[name][0]

    def _known(self, names: tuple[str, ...], family: str) -> int:
        """Index of the longest of `names` that stands here; raises `UnknownName`."""
        rest = self.text[self.at :].lower()
        name = max((n for n in names if re.match(rf"{re.escape(n.lower())}(?!\w)", rest)), key=len, default="")
        if not name:
            raise self._unknown(family, re.split(r"[,;]", self.text[self.at :])[0].strip(), names)
        self.at += len(name)
        return names.index(name)

    def _take(self, pattern: str) -> re.Match[str] | None:
        """Step over `pattern` if it stands here."""
        found = re.compile(pattern, re.IGNORECASE).match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def _unknown(self, family: str, written: str, names: Iterable[str]) -> UnknownName:
        lowered = {name.lower(): name for name in names}
        close = [lowered[n] for n in get_close_matches(written.lower(), list(lowered), n=3, cutoff=0.5)]
        hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(lowered.values())}"
        return UnknownName(f"no {family} {written!r} in the rules of this bundle", where=repr(self.text), hint=hint)

    def _lost(self, wanted: str, expected: str, hint: str = "") -> InvalidConfig:
        got = repr(self.text[self.at :].strip()) if self.text[self.at :].strip() else "the end"
        return InvalidConfig(f"{wanted} is missing", where=repr(self.text), expected=expected, got=got, hint=hint)
