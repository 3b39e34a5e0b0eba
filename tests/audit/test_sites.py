"""Every place where the verifier reports or refuses something is needed by some test."""

import pytest

from tests.audit.sites import MODULES, noticed_by, sites


def test_every_module_of_the_verifier_has_places_to_break() -> None:
    found = {site.module for site in sites()}

    assert found >= set(MODULES) - {"facts"}, "facts refuses by falling back to entry"
    assert len(list(sites())) > 250


@pytest.mark.long
@pytest.mark.parametrize("site", list(sites()), ids=lambda site: f"{site.module}-{site.line}")
def test_without_this_place_a_test_fails(site) -> None:
    noticed = noticed_by(site)

    assert noticed is not None, f"{site.module}:{site.line} {site.text}"
    print(f"{site.module}:{site.line}", noticed)
