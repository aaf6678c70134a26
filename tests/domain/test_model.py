import pytest
from tests.service.builders import registry, revision

from tsfm_runner.errors import ConfigurationError, ModelNotAllowedError


def test_production_may_not_name_a_model_for_research_only() -> None:
    moirai = revision(
        "moirai", license_tag="research_only", license_name="cc-by-nc-4.0"
    )

    with pytest.raises(ConfigurationError, match="research_only"):
        registry(moirai, environment="prod", allowed=["moirai"])


def test_production_may_not_name_an_unknown_model() -> None:
    with pytest.raises(ConfigurationError, match="no known model"):
        registry(environment="prod", allowed=["mystery"])


def test_production_serves_what_it_names() -> None:
    models = registry(revision("mock"), environment="prod")

    assert models.is_allowed("chronos2")
    assert models.is_allowed("chronos2", "main")
    assert not models.is_allowed("chronos2", "2027")
    assert not models.is_allowed("mock")


def test_development_serves_everything() -> None:
    models = registry(environment="dev")

    models.require_allowed("mystery")

    assert models.is_allowed("mystery")


def test_a_refusal_names_model_revision_and_what_is_allowed() -> None:
    models = registry(environment="prod")

    with pytest.raises(ModelNotAllowedError, match="chronos2 in revision 2027"):
        models.require_allowed("chronos2", "2027")


def test_a_refusal_where_nothing_is_allowed_says_so() -> None:
    with pytest.raises(ModelNotAllowedError, match="allowed are: none"):
        registry(environment="prod", allowed=[]).require_allowed("mock")
