"""Settings merge in order, know where they came from, and keep secrets quiet."""

import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tsfm_runner.adapters.keys_file import read_keys
from tsfm_runner.adapters.setting_tree import list_settings, value_of
from tsfm_runner.adapters.settings import (
    CONFIG_NAME,
    PACKAGED_CONFIGS,
    LoadedSettings,
    load_settings,
)
from tsfm_runner.config import Settings, WebhookConfig
from tsfm_runner.errors import ConfigurationError

TOKEN = "0123456789-long-enough"
NOTHING: Mapping[str, str] = {}


def _load(
    folder: Path,
    *,
    file: str | None = None,
    environ: Mapping[str, str] = NOTHING,
    flags: Mapping[str, object] = NOTHING,
) -> LoadedSettings:
    """Load with a file of this content, in a folder that holds nothing else."""
    path = None
    if file is not None:
        path = folder / "given.yaml"
        path.write_text(file, encoding="utf-8")
    return load_settings(
        config_file=path, environ=environ, flags=flags, working_directory=folder
    )


def _refusal(folder: Path, **sources: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _load(folder, **sources)  # type: ignore[arg-type]
    return str(caught.value)


def test_without_sources_every_setting_is_its_default(tmp_path: Path) -> None:
    loaded = _load(tmp_path)

    assert loaded.settings == Settings()
    assert set(loaded.origins) == set(list_settings())
    assert set(loaded.origins.values()) == {"default"}


def test_a_later_source_wins_setting_by_setting(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        file="server: {host: '::1', port: 1, max_body_bytes: 10}",
        environ={"TSFM_SERVER__PORT": "2", "TSFM_SERVER__MAX_BODY_BYTES": "20"},
        flags={"server.max_body_bytes": 30, "server.max_values": None},
    )

    server = loaded.settings.server
    origins = loaded.origins
    assert (server.host, server.port, server.max_body_bytes) == ("::1", 2, 30)
    assert origins["server.host"] == f"file {tmp_path / 'given.yaml'}"
    assert origins["server.port"] == "env TSFM_SERVER__PORT"
    assert origins["server.max_body_bytes"] == "flag --max-body-bytes"
    assert origins["server.max_values"] == "default"


def test_lists_and_mappings_come_as_json(tmp_path: Path) -> None:
    overrides = '[{"category": "weather", "ladder": ["baseline"]}]'

    loaded = _load(
        tmp_path,
        environ={
            "TSFM_ROUTING__LADDER": '["tollama", "baseline"]',
            "TSFM_ROUTING__OVERRIDES": overrides,
            "TSFM_AUTH__KEYS": f'{{"alice": "{TOKEN}"}}',
            "TSFM_AUTH__RATES_PER_MINUTE": '{"alice": 600}',
        },
    )

    assert loaded.settings.auth.rates_per_minute == {"alice": 600}
    assert loaded.settings.routing.ladder == ("tollama", "baseline")
    assert loaded.settings.routing.overrides[0].category == "weather"
    assert loaded.settings.auth.keys["alice"].get_secret_value() == TOKEN


def test_an_empty_variable_unsets_what_may_be_unset(tmp_path: Path) -> None:
    loaded = _load(
        tmp_path,
        file="tollama: {url: 'http://runtime:1'}",
        environ={"TSFM_TOLLAMA__URL": ""},
    )

    assert loaded.settings.tollama.url is None


def test_an_empty_variable_of_keys_means_no_keys(tmp_path: Path) -> None:
    loaded = _load(tmp_path, environ={"TSFM_AUTH__KEYS": ""})

    assert loaded.settings.auth.keys == {}


def test_the_file_is_the_one_asked_for_then_the_named_then_the_local(
    tmp_path: Path,
) -> None:
    local = tmp_path / "configs" / CONFIG_NAME
    local.parent.mkdir()
    local.write_text("environment: prod", encoding="utf-8")
    named = tmp_path / "named.yaml"
    named.write_text("server: {port: 1}", encoding="utf-8")
    environ = {"TSFM_CONFIG_FILE": str(named)}

    from_local = _load(tmp_path)
    from_named = _load(tmp_path, environ=environ)
    from_given = _load(tmp_path, file="server: {port: 2}", environ=environ)

    assert from_local.settings.environment == "prod"
    assert from_named.settings.environment == "dev"
    assert from_named.settings.server.port == 1
    assert from_given.settings.server.port == 2


def test_the_shipped_file_changes_nothing() -> None:
    content = (PACKAGED_CONFIGS / CONFIG_NAME).read_text(encoding="utf-8")

    assert yaml.safe_load(content) is None


def test_the_example_in_the_shipped_file_can_be_used(tmp_path: Path) -> None:
    lines = (PACKAGED_CONFIGS / CONFIG_NAME).read_text(encoding="utf-8").splitlines()
    example = lines[lines.index("# environment: prod") :]
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"alice: {TOKEN}", encoding="utf-8")
    text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in example)
    text = text.replace("/run/secrets/tollama_token", str(token))
    text = text.replace("/run/secrets/tsfm_keys.yaml", str(keys))

    loaded = _load(tmp_path, file=text)

    assert loaded.settings.environment == "prod"
    assert loaded.settings.routing.overrides[0].ladder == ("baseline",)


def test_secrets_come_from_the_files_that_are_named_for_them(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"bob: {TOKEN}-bob", encoding="utf-8")
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")

    loaded = _load(
        tmp_path,
        file=f"auth: {{keys_file: '{keys}'}}\ntollama: {{token_file: '{token}'}}",
        environ={"TSFM_AUTH__KEYS": f'{{"alice": "{TOKEN}-alice"}}'},
    )

    held = read_keys(loaded.settings.auth)
    assert {name: key.get_secret_value() for name, key in held.items()} == {
        "alice": f"{TOKEN}-alice",
        "bob": f"{TOKEN}-bob",
    }
    assert loaded.settings.tollama.token is not None
    assert loaded.settings.tollama.token.get_secret_value() == TOKEN
    assert loaded.origins["auth.keys"] == "env TSFM_AUTH__KEYS"
    assert loaded.origins["tollama.token"] == f"file {token}"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"auth: {{keys: {{alice: {TOKEN}}}}}", "auth.keys"),
        (f"tollama: {{token: {TOKEN}}}", "tollama.token"),
    ],
)
def test_a_secret_in_the_settings_file_is_refused(
    tmp_path: Path, file: str, name: str
) -> None:
    message = _refusal(tmp_path, file=file)

    variable = f"TSFM_{name.replace('.', '__').upper()}"
    assert message.startswith(f"{name} is a secret")
    assert variable in message
    assert f"{name}_file" in message


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"TSFM_SERVER__PORT": "70000"},
            (
                "server.port: is '70000', should be less than or equal to 65535 "
                "(env TSFM_SERVER__PORT)"
            ),
        ),
        (
            {"TSFM_SERVER__PROT": "1"},
            (
                "the environment sets TSFM_SERVER__PROT, which is no setting; "
                "did you mean TSFM_SERVER__PORT?"
            ),
        ),
        (
            {"TSFM_ENVIRONMENT": "production"},
            (
                "environment: is 'production', should be 'dev' or 'prod' "
                "(env TSFM_ENVIRONMENT)"
            ),
        ),
        (
            {"TSFM_ROUTING__LADDER": "baseline"},
            'routing.ladder must be JSON, a list like ["a", "b"] (env',
        ),
        (
            {"TSFM_ROUTING__OVERRIDES": '{"category": "weather"}'},
            'overrides must be JSON, a list of mappings like [{"name": "value"}] (env',
        ),
        (
            {"TSFM_AUTH__KEYS": TOKEN},
            'auth.keys must be JSON, a mapping like {"name": "value"} (env',
        ),
        (
            {"TSFM_TOLLAMA__URL": "127.0.0.1:11435"},
            "tollama.url: is '127.0.0.1:11435', must be an http(s) address such as",
        ),
        (
            {"TSFM_TOLLAMA__URL": "ftp://runtime"},
            "tollama.url: is 'ftp://runtime', must be an http(s) address such as",
        ),
        (
            {"TSFM_SERVER__PORT": "http"},
            "server.port: is 'http', must be a whole number (env",
        ),
        (
            {"TSFM_BAND__MIN_WIDTH": "wide"},
            "band.min_width: is 'wide', must be a number (env",
        ),
        (
            {"TSFM_AUTH__ALLOW_ANONYMOUS": "perhaps"},
            "auth.allow_anonymous: is 'perhaps', must be true or false (env",
        ),
        (
            {"TSFM_ROUTING__LADDER": "[]"},
            "routing.ladder: is [], must not be empty (env",
        ),
        (
            {"TSFM_AUTH__RATE_PER_MINUTE": "0"},
            "auth.rate_per_minute: is '0', should be greater than or equal to 1 (env",
        ),
        (
            {"TSFM_AUTH__RATES_PER_MINUTE": '{"desk": 0}'},
            "auth.rates_per_minute.desk: should be greater than or equal to 1 (env",
        ),
        (
            {"TSFM_AUTH__RELOAD_INTERVAL_S": "0"},
            "auth.reload_interval_s: is '0', should be greater than 0 (env",
        ),
        (
            {"TSFM_BAND__MIN_WIDTH": "0.95"},
            "band: min_width must be below max_width (env TSFM_BAND__MIN_WIDTH)",
        ),
        (
            {"TSFM_ROUTING__POLICY": "proven"},
            "routing: policy proven needs verdict_file (env TSFM_ROUTING__POLICY)",
        ),
        (
            {"TSFM_ROUTING__ROLLOUT_PERCENT": "101"},
            "routing.rollout_percent: is '101', should be less than or equal to 100",
        ),
        (
            {"TSFM_VERDICT__COVERAGE_RELEASE": "0.01"},
            "verdict: coverage_release may not be below coverage_tolerance (env",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    message = _refusal(tmp_path, environ=environ)

    assert told in message


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("sever: {port: 1}", "sever is no setting (file"),
        ("server: {prot: 1}", "server.prot is no setting (file"),
        ("server: 8000", "server must hold settings by name (file"),
        ("server: {port: true}\ntask: {horizon: 0}", "task.horizon: is 0, should"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(
    tmp_path: Path, file: str, told: str
) -> None:
    message = _refusal(tmp_path, file=file)

    assert told in message
    assert str(tmp_path / "given.yaml") in message


def test_a_section_whose_lines_are_all_comments_changes_nothing(
    tmp_path: Path,
) -> None:
    loaded = _load(tmp_path, file="server:\n  # port: 9000\n")

    assert loaded.settings == Settings()


def test_variables_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    environ = {"TSFM_SHARED": "/somewhere", "HOME": "/home", "TSFM": "x"}

    assert _load(tmp_path, environ=environ).settings == Settings()


def test_a_flag_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    message = _refusal(tmp_path, flags={"server.prot": None})

    assert "server.prot is no setting" in message
    assert "did you mean server.port?" in message


@pytest.mark.parametrize(
    "environ",
    [
        {"TSFM_AUTH__KEYS": '{"alice": "hush-hush"}'},
        {"TSFM_AUTH__KEYS": '{"alice": "hush-hush'},
        {"TSFM_AUTH__KEYS": '["hush-hush"]'},
        {"TSFM_AUTH__KEYS": '{"alice": {"hush-hush": 1}}'},
        {"TSFM_TOLLAMA__URL": "http://alice:hush-hush@runtime:1"},
    ],
)
def test_no_error_ever_quotes_a_secret(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, environ=environ)

    told = "".join(traceback.format_exception(caught.value))
    (variable,) = environ
    assert variable in told
    assert variable.removeprefix("TSFM_").lower().replace("__", ".") in told
    assert "hush-hush" not in told


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"alice: {TOKEN}", encoding="utf-8")

    token = _refusal(
        tmp_path,
        environ={"TSFM_TOLLAMA__TOKEN": TOKEN, "TSFM_TOLLAMA__TOKEN_FILE": str(path)},
    )
    keys = _refusal(
        tmp_path,
        environ={
            "TSFM_AUTH__KEYS": f'{{"alice": "{TOKEN}"}}',
            "TSFM_AUTH__KEYS_FILE": str(path),
        },
    )

    assert "both set; keep one" in token
    assert f"auth.keys and file {path} both name alice" in keys
    assert TOKEN not in token + keys


def test_an_absent_file_of_secrets_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "absent"

    message = _refusal(tmp_path, environ={"TSFM_TOLLAMA__TOKEN_FILE": str(path)})

    assert f"{path} cannot be read" in message


def test_every_setting_says_what_it_means() -> None:
    silent = [
        name for name, setting in list_settings().items() if not setting.description
    ]

    assert silent == []


def test_every_secret_has_a_setting_for_its_file() -> None:
    known = list_settings()

    secrets = [name for name, setting in known.items() if setting.is_secret]

    assert secrets == ["auth.keys", "tollama.token", "webhooks.secrets"]
    assert {"auth.keys_file", "tollama.token_file"} <= known.keys()
    assert "secret_file" in WebhookConfig.model_fields


def test_a_value_is_found_by_its_dotted_name() -> None:
    settings = Settings()

    assert value_of(settings, "server.port") == settings.server.port
    assert value_of(settings, "environment") == settings.environment
