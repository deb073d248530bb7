"""A person changes the rules of a bundle: delete, lock, or say otherwise what a rule asks for and speaks for."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stf2m.core.errors import InvalidConfig
from stf2m.core.tensors import Params
from stf2m.meta.learner import KEPT, LOCKED, RULES
from stf2m.model.explain import terms_of
from stf2m.model.membership import FLOOR
from stf2m.model.rules import RuleLayer
from stf2m.prepare.normalise import DESCRIPTOR_CLIP
from stf2m.training.bundle import WRITTEN, Bundle
from stf2m.training.first_rules import NEVER, logit
from stf2m.training.fitted import Fitted
from stf2m.training.grammar import Antecedent, Edit, parse_edit
from stf2m.training.words import LEAST_TERM, rules_in_words, scale_of, unit_of

MATTERS = 0.9
"""least relevance of an antecedent whose place a person set, unless they say another"""
SURE = 0.6
"""share that a wished emotion or term gets; a term less where even the most fitting outcome alone gives little more"""


def edit_rules(bundle: Bundle, edits: Sequence[str]) -> Bundle:
    """A new bundle in memory with these edits in the grammar of `training.grammar`; the given one stays. First rules are deleted,
    restored, locked and unlocked, then those that ask for something else are placed, then they say what they speak for.

    Deleting renormalises the firing over the other rules; locking keeps a rule from training, adaptation and the task's shift of
    centres. A rule whose antecedents change says at its new place what it said at its old one, unless told otherwise. Write
    the result with `save_edited`. Raises `InvalidConfig` or `UnknownName` for an edit that cannot be meant.
    """
    fitted = edit_fitted(bundle.fitted, edits)
    facts = {name: value for name, value in bundle.facts.items() if name not in WRITTEN}
    facts["edits"] = [*facts.get("edits", []), *(text.strip() for text in edits)]
    facts["edited_from"] = str(bundle.facts.get("sha256", {}).get("network.safetensors", facts.get("edited_from", "")))[:12]
    return Bundle(fitted, bundle.recipe, facts, rules_in_words(fitted, use=facts.get("rule_use")), origin=bundle.path or bundle.origin)


def edit_fitted(fitted: Fitted, edits: Sequence[str]) -> Fitted:
    """The same learner with edited rules; what was encoded stays, because no edit reaches the encoder."""
    layer = fitted.net.rules
    if not isinstance(layer, RuleLayer):
        raise InvalidConfig("this bundle has no rules", got=f"fuzzy = {fitted.config.network.fuzzy}", hint="train one with fuzzy = htsk")
    count = len(layer.bias)
    parsed = [parse_edit(text, scale_of(fitted), fitted.inputs.emotions, count) for text in edits]
    params = {**fitted.params, **{n: v.detach().clone() for n, v in fitted.params.items() if n.startswith(RULES)}}
    _switch(params, parsed, count)
    for edit in [e for e in parsed if e.antecedents or e.only]:
        _place(params, edit, len(fitted.net.owner))
    for edit in parsed:
        _speak(params, edit, votes=fitted.net.vote)
    return replace(fitted, params=params)


def far_edits(fitted: Fitted, edits: Sequence[str]) -> list[str]:
    """One sentence per wished place that no input reaches, because descriptors are read up to `DESCRIPTOR_CLIP` standard deviations."""
    scale, said = scale_of(fitted), []
    for edit in (parse_edit(text, scale, fitted.inputs.emotions, len(fitted.params[RULES + "bias"])) for text in edits):
        for one in edit.antecedents:
            if one.centre is not None and abs(one.centre) > DESCRIPTOR_CLIP:
                furthest = f"{DESCRIPTOR_CLIP * float(scale.spread[one.index]):.3g} {unit_of(scale, one.index)}".strip()
                said.append(
                    f"{edit.text!r} lies {abs(one.centre):.3g} standard deviations of the training people from {scale.usual}: an input is "
                    f"read up to {DESCRIPTOR_CLIP:g} ({furthest}), so the rule can hardly fire"
                )
    return said


def _switch(params: Params, edits: Sequence[Edit], count: int) -> None:
    """Deleted and locked rules; an edit that leaves none is refused. Where nothing is deleted or locked, no mask is kept."""
    kept, locked = params.pop(KEPT, torch.ones(count)), params.pop(LOCKED, torch.zeros(count))
    for edit in edits:
        if edit.verb in ("delete", "restore"):
            kept[edit.rule] = float(edit.verb == "restore")
        elif edit.verb in ("lock", "unlock"):
            locked[edit.rule] = float(edit.verb == "lock")
    if not kept.any():
        raise InvalidConfig("no rule would be left", expected=f"at most {count - 1} deleted", got=count, hint="keep or restore one")
    params.update({KEPT: kept} if not kept.all() else {})
    params.update({LOCKED: locked} if locked.any() else {})


def _place(params: Params, edit: Edit, named: int) -> None:
    """Centres, widths and relevances of one rule; its consequent stays what it was at the centre."""
    r, centre, slope, bias = edit.rule, params[RULES + "centre"], params[RULES + "consequent"], params[RULES + "bias"]
    before = slope[r] @ centre[r] + bias[r]
    if edit.only:
        others = [j for j in range(centre.shape[1]) if j not in {a.index for a in edit.antecedents}]
        if len(others) == centre.shape[1]:
            raise InvalidConfig("a rule needs an antecedent", where=repr(edit.text), hint='name one after "only"')
        params[RULES + "raw_relevance"][r, others] = logit(NEVER)
    for antecedent in edit.antecedents:
        assert antecedent.index < named
        _place_one(params, r, antecedent)
    bias[r] = before - slope[r] @ centre[r]


def _place_one(params: Params, r: int, a: Antecedent) -> None:
    raw = params[RULES + "raw_relevance"]
    if a.centre is not None:
        params[RULES + "centre"][r, a.index] = a.centre
        if a.relevance is None:
            raw[r, a.index] = max(float(raw[r, a.index]), logit(MATTERS))
    if a.width is not None:
        params[RULES + "raw_width"][r, a.index] = math.log(math.expm1(max(a.width - FLOOR, 1e-3)))
    if a.relevance is not None:
        raw[r, a.index] = logit(a.relevance)


def _speak(params: Params, edit: Edit, *, votes: bool) -> None:
    """What a rule says of emotions, of valence and of arousal is its verdict; raises `InvalidConfig` where it changes no answer."""
    said = params[RULES + "verdict"][edit.rule]
    wished = (edit.emotion is not None and edit.emotion != int(said.argmax())) or not _are_said(params, edit, said)
    if wished and not votes:
        hint = "change what it asks for, delete or lock it, or train with network.vote = true and a target that has classes"
        raise InvalidConfig("rules of this bundle have no vote: what they speak for changes no answer", where=repr(edit.text), hint=hint)
    share = said.softmax(dim=0)
    if votes and edit.emotion is not None and not (edit.emotion == int(share.argmax()) and float(share.max()) >= SURE):
        _set_verdict(params, edit.rule, edit.emotion)
    if votes and edit.terms and not _are_said(params, edit, params[RULES + "verdict"][edit.rule], LEAST_TERM):
        _set_terms(params, edit)
        if edit.emotion is not None and edit.emotion != int(params[RULES + "verdict"][edit.rule].argmax()):
            raise InvalidConfig("the emotion and the terms contradict", where=repr(edit.text), hint="say one or the other")


def _are_said(params: Params, edit: Edit, verdict: Tensor, least: Tensor | float = 0.0) -> bool:
    """A rule with this verdict says the terms of the edit, each with at least this share."""
    if not edit.terms:
        return True
    axes, terms = (list(side) for side in zip(*edit.terms))
    found = terms_of(verdict.softmax(dim=0), params[RULES + "meaning"])[axes]
    share = found[range(len(terms)), terms]
    return bool((found.argmax(dim=1) == torch.tensor(terms)).all() and (share > 0).all() and (share >= least).all())


def _set_verdict(params: Params, rule: int, emotion: int) -> None:
    """The emotion gets the share that the median of the other rules gives its own; what is left is shared as before."""
    share = params[RULES + "verdict"].softmax(dim=1)
    others = [i for i in range(len(share)) if i != rule and (KEPT not in params or params[KEPT][i])]
    mine = float(share[others or [rule]].max(dim=1).values.median().clamp(SURE, 0.95))
    rest = share[rule].clone()
    rest[emotion] = 0
    rest = (1 - mine) * (rest + 1e-6) / (rest + 1e-6).sum()
    rest[emotion] = mine
    params[RULES + "verdict"][rule] = rest.log()


def _set_terms(params: Params, edit: Edit) -> None:
    """Tilt the verdict towards outcomes that are as wished, P_c -> P_c exp(t sum m_c), by the smallest t with which all terms are said.

    Raises `InvalidConfig` where even the most fitting outcome alone says otherwise, or nobody knows what outcomes mean.
    """
    verdict, meaning = params[RULES + "verdict"][edit.rule].log_softmax(dim=0), params[RULES + "meaning"]
    axes, terms = (list(side) for side in zip(*edit.terms))
    fit = meaning[:, axes, terms].sum(dim=1)
    alone = torch.full_like(verdict, -torch.inf)
    alone[int(fit.argmax())] = 0
    if not _are_said(params, edit, alone, LEAST_TERM + 0.01):
        raise InvalidConfig(
            f"nothing that rule {edit.rule + 1} could speak for is like this", where=repr(edit.text), hint="say speaks for EMOTION"
        )
    most = terms_of(alone.softmax(dim=0), meaning)[axes, terms]
    least = torch.minimum(torch.tensor(SURE), (most + LEAST_TERM) / 2)
    low, high = 0.0, 1.0
    while not _are_said(params, edit, verdict + high * fit, least):
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _are_said(params, edit, verdict + middle * fit, least) else (middle, high)
    params[RULES + "verdict"][edit.rule] = (verdict + high * fit).log_softmax(dim=0)
