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
    return min(consents, key=lambda consent: (len(COVERS.get(consent, ("research",))), consent), default="unknown")


def check_consent(consents: Iterable[str], use: str, *, where: object) -> None:
    """Raise `NoConsent` when one of `consents` does not cover `use`; a consent in other words covers research alone."""
    if use not in USES:
        raise UnknownName(f"no use named {use!r}", hint=f"known: {', '.join(USES)}")
    for consent in dict.fromkeys(consents):
        covered = COVERS.get(consent, ("research",))
        if use not in covered:
            allowed = f"it covers: {', '.join(covered)}" if covered else "it was withdrawn; forget the person"
            raise NoConsent("the stored consent does not cover this use", where=where, expected=use, got=consent, hint=allowed)
