"""What a stored consent permits, and words that nobody has given a meaning."""

import pytest

from stf2m.core.consent import COVERS, USES, check_consent, narrowest
from stf2m.core.errors import NoConsent, UnknownName


def test_a_consent_covers_its_uses_and_no_others():
    for consent, covered in COVERS.items():
        for use in USES:
            if use in covered:
                check_consent([consent], use, where="here")
            else:
                with pytest.raises(NoConsent, match="does not cover this use"):
                    check_consent([consent], use, where="here")
    with pytest.raises(UnknownName, match="selling"):
        check_consent(["any"], "selling", where="here")


@pytest.mark.parametrize("words", ["withdrawn", "Research", "yes"])
def test_a_consent_in_unknown_words_permits_nothing(words: str):
    with pytest.raises(NoConsent, match=f"expected any, non-commercial, research, unknown, none, got '{words}'"):
        check_consent(["any", words], "research", where="here")
    assert narrowest(["research", words]) == words


def test_a_consent_that_nobody_wrote_down_is_research():
    check_consent(["", "unknown"], "research", where="here")
    with pytest.raises(NoConsent):
        check_consent([""], "commercial", where="here")
    assert narrowest(["any", ""]) == "" and narrowest([]) == "unknown"
