"""Which uses the consent stored with a recording, or on a bundle's card, covers."""

from collections.abc import Iterable

from stf2m.core.errors import NoConsent, UnknownName

COVERS: dict[str, tuple[str, ...]] = {
    "any": ("research", "non-commercial", "commercial"),
    "non-commercial": ("research", "non-commercial"),
    "research": ("research",),
    "unknown": ("research",),
    "none": (),
}
"""consent -> uses. `unknown` (nobody wrote it down) is taken as research, `none` is a withdrawn consent."""
USES = ("research", "non-commercial", "commercial")


def narrowest(consents: Iterable[str]) -> str:
    """The consent of these that covers least, which then holds for all that is made of them together; "unknown" of none."""
    return min(consents, key=lambda consent: (len(covered_by(consent) or ()), consent), default="unknown")


def covered_by(consent: str) -> tuple[str, ...] | None:
    """The uses that a consent covers, an empty one as "unknown"; None for words that nobody has given a meaning."""
    return COVERS.get(consent or "unknown")


def check_consent(consents: Iterable[str], use: str, *, where: object) -> None:
    """Raise `NoConsent` when one of `consents` does not cover `use`, or is in words that are not of `COVERS`."""
    if use not in USES:
        raise UnknownName(f"no use named {use!r}", hint=f"known: {', '.join(USES)}")
    for consent in dict.fromkeys(consents):
        covered = covered_by(consent)
        if covered is None:
            hint = "write the consent in one of these words; a withdrawn one is none"
            raise NoConsent("nothing says what this consent permits", where=where, expected=", ".join(COVERS), got=repr(consent), hint=hint)
        if use not in covered:
            allowed = f"it covers: {', '.join(covered)}" if covered else "it was withdrawn; forget the person"
            raise NoConsent("the stored consent does not cover this use", where=where, expected=use, got=consent, hint=allowed)
