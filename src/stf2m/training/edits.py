"""A person changes the rules of a bundle: delete, lock, or say otherwise what a rule asks for and speaks for."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from stf2m.core.errors import InvalidConfig
from stf2m.core.tensors import Params
from stf2m.meta.learner import KEPT, LOCKED, RULES
from stf2m.model.explain import terms_of
from stf2m.model.membership import FLOOR
from stf2m.model.rules import RuleLayer
from stf2m.training.bundle import WRITTEN, Bundle
from stf2m.training.first_rules import NEVER, logit
from stf2m.training.fitted import Fitted
from stf2m.training.grammar import Antecedent, Edit, parse_edit
from stf2m.training.words import rules_in_words, scale_of

MATTERS = 0.9
"""least relevance of an antecedent whose place a person set, unless they say another"""
SURE = 0.6
"""probability that a wished term gets"""
TRIES = 3000


def edit_rules(bundle: Bundle, edits: Sequence[str]) -> Bundle:
    """A new bundle in memory with these edits in the grammar of `training.grammar`, applied in order; the given one stays.

    Deleting renormalises the firing over the other rules; locking keeps a rule from training, adaptation and the task's shift of
    centres. A rule whose antecedents change says at its new place what it said at its old one, unless told otherwise. Write
    the result with `save_edited`. Raises `InvalidConfig` or `UnknownName` for an edit that cannot be meant.
    """
    fitted = edit_fitted(bundle.fitted, edits)
    facts = {name: value for name, value in bundle.facts.items() if name not in WRITTEN}
    facts["edits"] = [*facts.get("edits", []), *(text.strip() for text in edits)]
    facts["edited_from"] = str(bundle.facts.get("sha256", {}).get("network.safetensors", facts.get("edited_from", "")))[:12]
    return Bundle(fitted, bundle.recipe, facts, rules_in_words(fitted, use=facts.get("rule_use")))


def edit_fitted(fitted: Fitted, edits: Sequence[str]) -> Fitted:
    """The same learner with edited rules; what was encoded stays, because no edit reaches the encoder."""
    layer = fitted.net.rules
    if not isinstance(layer, RuleLayer):
        raise InvalidConfig("this bundle has no rules", got=f"fuzzy = {fitted.config.network.fuzzy}", hint="train one with fuzzy = htsk")
    count = len(layer.bias)
    emotions = fitted.inputs.emotions if fitted.inputs.policy != "one_vs_rest" else ()
    parsed = [parse_edit(text, scale_of(fitted), emotions, count) for text in edits]
    params = {**fitted.params, **{n: v.detach().clone() for n, v in fitted.params.items() if n.startswith(RULES)}}
    _switch(params, parsed, count)
    for edit in [e for e in parsed if e.antecedents or e.only]:
        _place(params, edit, len(fitted.net.owner))
    changed = replace(fitted, params=params)
    for edit in parsed:
        if edit.emotion is not None or edit.terms:
            _speak(changed, edit)
    return changed


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


def _speak(fitted: Fitted, edit: Edit) -> None:
    """What a rule says: of the emotion by its verdict, of valence and arousal by as small a move of its bias as makes it say so."""
    if edit.emotion is not None:
        _set_verdict(fitted.params, edit.rule, edit.emotion)
    if edit.terms:
        _set_terms(fitted, edit)


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


def _set_terms(fitted: Fitted, edit: Edit) -> None:
    """Gradient steps on how much is missing, until nothing is; raises `InvalidConfig` where the terms cannot be reached."""
    net, params, r = fitted.load(), fitted.params, edit.rule
    said = torch.einsum("ka,a->k", params[RULES + "consequent"][r], params[RULES + "centre"][r]) + params[RULES + "bias"][r]
    step = torch.zeros(said.shape, requires_grad=True)
    optimiser = torch.optim.Adam([step], lr=0.02)
    for _ in range(TRIES):
        said_now = terms_of(net, (said + step).unsqueeze(0))[0]
        missing = torch.stack([(SURE - said_now[axis, term]).clamp(min=0) for axis, term in edit.terms]).sum()
        if float(missing.detach()) == 0.0:
            params[RULES + "bias"][r] += step.detach()
            return
        (step.grad,) = torch.autograd.grad(missing, [step])
        optimiser.step()
    hint = "name one term of valence and one of arousal at most"
    raise InvalidConfig(f"rule {r + 1} cannot be made to say this", where=repr(edit.text), hint=hint)
