"""What a stack file may contain, and the sentences about its mistakes."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from providers.config import CONFIG_KEYS, SECRET_KEYS
from providers.config_keys import own_keys
from stacks.checks import backend
from stacks.errors import PROGRAM, Problem, StackError
from stacks.stackfile.loader import DefaultsError, load_defaults, parse_defaults, parse_program_config, parse_stack_file
from stacks.stackfile.location import stack_file
from stacks.stackfile.model import RouterConfig, Selector, StackConfig

ROUTER: dict[str, Any] = {"router": "er-core", "log_group": "network", "log_stream": "er"}
ROUTERS = {"core": ROUTER}
ROUTER_KEYS = (
    "router, log_group, log_stream, streams, name, description, enabled, attachments, overrides, adopt, protect"
)
RULES = "every_router, every_attachment, never_disabled, log_groups, names, min_retention_days, required_tags"
ALL_KEYS = (
    "unknown key; known: routers, log_groups, rules, max_deletes, state, endpoint, endpoints, region, project,"
    " project_id, username, domain, access_key, password, token, secret_key, security_token"
)
TAG_KEY = "not with '_' first, and not 'otc-flow-logs'"
SELECTION = "must be all, a list of attachments, or a selector (types, tags, names, include, exclude)"
CHARACTERS = "must be 1 to 64 letters, digits, '_', '-' and '.'"
MAPPING = "must be a mapping, not"
TAG_KEY = "must be 1 to 128 letters, digits, spaces and .:=+-@_, not with '_' first, and not 'otc-flow-logs'"
NUMBER = "must be a whole number, not"
FLAG = "must be true or false, not"
TEXT = "must be text, not"
EMPTY = "must not be empty"
LIST = "must be a list, not"
DEFAULTS = """
router: {log_group: network, log_stream: er, enabled: false}
rules: {every_attachment: true, names: [x-*]}
max_deletes: 3
"""


def parse(secret: tuple[str, ...] = (), *, defaults: str = "", **values: Any) -> StackConfig:
    """As Pulumi passes values: text as it is, anything else as JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return parse_stack_file(texts, is_secret=dict.fromkeys(secret, True), defaults=parse_defaults(defaults))


def find_problems(secret: tuple[str, ...] = (), **values: Any) -> list[tuple[str, str]]:
    with pytest.raises(StackError) as caught:
        parse(secret, **values)
    return [(problem.key, problem.what) for problem in caught.value.problems]


def test_router_needs_only_its_name_and_destination() -> None:
    config = parse(routers={"z": ROUTER, "5": ROUTER, "m": ROUTER})
    assert list(config.routers) == ["z", "5", "m"]
    assert config.max_deletes is None
    assert set(config.rules.model_dump().values()) == {False, None}
    assert config.routers["z"] == RouterConfig(
        **ROUTER, name="{router}-{attachment}", description="", enabled=True, attachments="all", overrides={}
    )


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("5.0", 5), (" 7 ", 7), ("null", None), ("1000000", 1000000)])
def test_max_deletes_is_a_whole_number(text: str, number: int | None) -> None:
    assert parse(routers=ROUTERS, max_deletes=text).max_deletes == number


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, [("routers", "is missing")]),
        ({"routers": ""}, [("routers", f'{MAPPING} ""')]),
        ({"routers": None}, [("routers", f"{MAPPING} null")]),
        ({"routers": [1, 2]}, [("routers", f"{MAPPING} [1, 2]")]),
        ({"routers": {}}, [("routers", EMPTY)]),
        ({"routers": {"core": None}}, [("routers.core", f"{MAPPING} null")]),
        ({"routers": {"core": {}}}, [(f"routers.core.{key}", "is missing") for key in list(ROUTER)]),
        *(
            ({"routers": {key: ROUTER}}, [(f"routers.{key}", f'{CHARACTERS}, not "{key}"')])
            for key in ("two words", "", "ü")
        ),
        ({"routers": {"k" * 65: ROUTER}}, [(f"routers.{'k' * 65}", f'{CHARACTERS}, not "{"k" * 56}...')]),
        ({"routers": ROUTERS, "max_delete": "5"}, [("max_delete", "unknown key; did you mean max_deletes?")]),
        ({"routers": ROUTERS, "zzz": "5"}, [("zzz", ALL_KEYS)]),
        *(
            ({"routers": ROUTERS, "max_deletes": text}, [("max_deletes", what)])
            for text, what in (
                *(("-1", "must be 0 or more, not -1"), ("5.5", f"{NUMBER} 5.5"), ("true", f"{NUMBER} true")),
                *(("many", f'{NUMBER} "many"'), ("", f'{NUMBER} ""'), ("[]", f"{NUMBER} []")),
                *(("1e999", f"{NUMBER} Infinity"), ("NaN", f"{NUMBER} NaN")),
            )
        ),
        ({"routers": ROUTERS, "rules": 5}, [("rules", f"{MAPPING} 5")]),
        ({"routers": ROUTERS, "rules": {"zzz": True}}, [("rules.zzz", f"unknown key; known: {RULES}")]),
        (
            {"routers": ROUTERS, "rules": {"every_atachment": True}},
            [("rules.every_atachment", "unknown key; did you mean every_attachment?")],
        ),
        ({"routers": ROUTERS, "rules": {"never_disabled": "x"}}, [("rules.never_disabled", f'{FLAG} "x"')]),
        ({"routers": ROUTERS, "rules": {"log_groups": "x"}}, [("rules.log_groups", f'{LIST} "x"')]),
        ({"routers": ROUTERS, "rules": {"names": [""]}}, [("rules.names[0]", EMPTY)]),
        *(
            ({"routers": ROUTERS, "log_groups": {"net": value}}, [(f"log_groups.net{key}", what)])
            for value, key, what in (
                (False, "", f"{MAPPING} false"),
                ([], "", f"{MAPPING} []"),
                ({"streams": {"flow": 0}}, ".streams.flow", f"{MAPPING} 0"),
                ({"ttl_in_days": True}, ".ttl_in_days", f"{NUMBER} true"),
                ({"tags": {"otc-flow-logs": "x"}}, ".tags.otc-flow-logs", f'{TAG_KEY}, not "otc-flow-logs"'),
                ({"tags": {"_sys_x": "x"}}, ".tags._sys_x", f'{TAG_KEY}, not "_sys_x"'),
                ({"delete": "no", "streams": {"flow": None}}, ".delete", f'{FLAG} "no"'),
            )
        ),
    ],
)
def test_wrong_value_is_reported_with_its_key(values: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert find_problems(**values) == problems


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("router", 5, f"{TEXT} 5"),
        ("router", None, f"{TEXT} null"),
        ("router", list(range(100)), f"{TEXT} {json.dumps(list(range(100)))[:57]}..."),
        ("router", "", EMPTY),
        ("name", 5, f"{TEXT} 5"),
        ("name", "", EMPTY),
        ("description", "x" * 256, "must be at most 255 characters"),
        ("enabled", "true", f'{FLAG} "true"'),
        ("enabled", 1, f"{FLAG} 1"),
        ("attachments", 5, f"{SELECTION}, not 5"),
        ("attachments", None, f"{SELECTION}, not null"),
        ("attachments", "vpc-shop", f'{SELECTION}, not "vpc-shop"'),
        ("overrides", [], f"{MAPPING} []"),
        ("nmae", "x", "unknown key; did you mean name?"),
        ("logstream", "x", "unknown key; did you mean log_stream?"),
        ("5", "x", f"unknown key; known: {ROUTER_KEYS}"),
        ("attachments[0]", [5], f"{TEXT} 5"),
        ("attachments[1]", ["a", ""], EMPTY),
        ("attachments.types[1]", {"types": ["vpc", 5]}, f"{TEXT} 5"),
        ("attachments.types", {"types": "vpc"}, f'{LIST} "vpc"'),
        ("attachments.tags.env", {"tags": {"env": 5}}, f"{TEXT} 5"),
        ("attachments.tags", {"tags": ["env"]}, f'{MAPPING} ["env"]'),
        ("attachments.names", {"names": "vpc-*"}, f'{LIST} "vpc-*"'),
        ("attachments.names[0]", {"names": [""]}, EMPTY),
        ("attachments.exclude", {"exclude": {}}, f"{LIST} {{}}"),
        ("attachments.nams", {"nams": ["a"]}, "unknown key; did you mean names?"),
        ("attachments.router", {"router": "x"}, "unknown key; known: types, tags, names, include, exclude"),
        ("streams", ["s"], f'{MAPPING} ["s"]'),
        ("streams.s", {"s": "vpc-shop"}, f'{SELECTION}, not "vpc-shop"'),
        ("streams.attachments[0]", {"attachments": [""]}, EMPTY),
        ("streams.s.types[1]", {"s": {"types": ["vpc", 5]}}, f"{TEXT} 5"),
        ("streams.streams.nams", {"streams": {"nams": ["a"]}}, "unknown key; did you mean names?"),
        ("overrides.a", {"a": None}, f"{MAPPING} null"),
        ("overrides.attachments", {"attachments": "b"}, f'{MAPPING} "b"'),
        ("overrides.a.name", {"a": {"name": "two words"}}, f'{CHARACTERS}, not "two words"'),
        ("overrides.a.name", {"a": {"name": "x\n"}}, f'{CHARACTERS}, not "x\\n"'),
        ("overrides.overrides.name", {"overrides": {"name": 5}}, f"{TEXT} 5"),
        ("overrides.a.log_stream", {"a": {"log_stream": ""}}, EMPTY),
        ("overrides.attachments.enabled", {"attachments": {"enabled": "no"}}, f'{FLAG} "no"'),
        ("overrides.routers.nme", {"routers": {"nme": "x"}}, "unknown key; did you mean name?"),
        ("overrides.a.zzz", {"a": {"zzz": "x"}}, "unknown key; known: name, description, log_stream, enabled"),
    ],
)
@pytest.mark.parametrize("router_key", ["core", "attachments", "overrides", "routers", "list", "selector", "all"])
def test_wrong_value_of_a_router_is_reported(router_key: str, key: str, value: Any, what: str) -> None:
    (setting,) = re.findall(r"^\w+", key)
    problems = find_problems(routers={router_key: {**ROUTER, setting: value}})
    assert problems == [(f"routers.{router_key}.{key}", what)]


def test_wrong_template_is_reported() -> None:
    ((key, what),) = find_problems(routers={"core": {**ROUTER, "name": "{atachment}"}})
    assert key == "routers.core.name"
    assert what.startswith("has the unknown placeholder {atachment}; placeholders are ")


def test_description_may_have_255_characters_of_any_alphabet() -> None:
    assert parse(routers={"core": {**ROUTER, "description": "ü" * 255}})


@pytest.mark.parametrize(("value", "selection"), [([], []), ({}, Selector())])
def test_selection_may_be_an_empty_list_or_selector(value: object, selection: list[str] | Selector) -> None:
    assert parse(routers={"core": {**ROUTER, "attachments": value}}).routers["core"].attachments == selection


def test_all_mistakes_are_reported_together() -> None:
    problems = find_problems(
        routers={
            "a": {**ROUTER, "enabled": 1, "attachments": {"types": [""]}},
            "b": {"router": "", "log_group": "g"},
            "c": {**ROUTER, "name": "{nope}"},
        },
        max_deletes="-1",
        zzz="1",
        token="t",
    )
    assert {key for key, _ in problems} == {
        *("zzz", "token", "max_deletes", "routers.a.enabled", "routers.a.attachments.types[0]"),
        *("routers.b.router", "routers.b.log_stream", "routers.c.name"),
    }


# Settings of the connection, and secrets


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_settings_of_the_connection_are_accepted(key: str) -> None:
    assert parse((key,) if key in SECRET_KEYS else (), routers=ROUTERS, **{key: "x"})


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_credential_in_plain_text_is_refused_and_not_repeated(key: str) -> None:
    what = f"a {key} may be in a stack file only as a secret: pulumi config set --secret otc-flow-logs:{key}"
    assert find_problems((), routers=ROUTERS, **{key: "hunter2"}) == [(key, what)]


@pytest.mark.parametrize("key", ["routers", "rules", "max_deletes"])
def test_encrypted_setting_that_is_shown_anyway_is_refused(key: str) -> None:
    values = {"routers": ROUTERS, "rules": {}, "max_deletes": 5}
    what = "is encrypted, but its value is shown in previews, outputs and errors: write it in plain text"
    assert find_problems((key,), **values) == [(key, what)]


def test_each_problem_is_a_line_with_key_and_place() -> None:
    error = StackError([Problem("routers.core.router", "is missing"), Problem("max_deletes", "must be 0 or more")])
    assert error.sentences("stacks/Pulumi.dev.yaml").splitlines() == [
        "otc-flow-logs:routers.core.router in stacks/Pulumi.dev.yaml: is missing",
        "otc-flow-logs:max_deletes in stacks/Pulumi.dev.yaml: must be 0 or more",
    ]
    assert error.sentences(PROGRAM).startswith("routers.core.router in the program: is missing\nmax_deletes in the ")


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_example_stack_files_name_project_region_and_state(stack: str) -> None:
    text = stack_file(stack).read_text()
    values = own_keys(yaml.safe_load(text)["config"])
    config = parse(defaults=Path("stacks/defaults.yaml").read_text(), **values)
    assert config.routers
    assert (values["project"], values["region"]) == (f"eu-de_{stack}", "eu-de")
    assert config.state == backend.find_expected_backend(text) == "s3://flow-logs-state"


# The config of a program


def test_program_config_is_equal_to_that_of_a_stack_file() -> None:
    data = {"routers": {"core": {"router": "er-core"}}, "max_deletes": 2}
    defaults = parse_defaults("router: {log_group: network, log_stream: er}")
    assert parse_program_config(data, defaults=defaults) == parse(routers=ROUTERS, max_deletes=2)


@pytest.mark.parametrize(
    ("data", "key", "what"),
    [
        (["er-core"], "routers", f'{MAPPING} ["er-core"]'),
        ("er-core", "routers", f'{MAPPING} "er-core"'),
        ({}, "routers", "is missing"),
        ({"routers": None}, "routers", f"{MAPPING} null"),
        ({"routers": ROUTERS, "router": {}}, "router", "unknown key; did you mean routers?"),
        ({"routers": ROUTERS, "region": "eu-de"}, "region", "belongs in the stack file"),
        ({"routers": ROUTERS, "state": "s3://states"}, "state", "belongs in the stack file"),
        ({"routers": {"core": {**ROUTER, "max_deletes": 1}}}, "routers.core.max_deletes", ROUTER_KEYS),
        ({"routers": {"core": {**ROUTER, "tags": {("a", "b"): 1}}}}, "routers.core.tags", "unknown key"),
        *(
            ({"routers": ROUTERS, "log_groups": {"network": {"tags": {tag: "x"}}}}, "log_groups.network", TAG_KEY)
            for tag in ("_env", "a/b", "otc-flow-logs")
        ),
        ({"routers": {"core": {"router": {("a", "b"): 1}}}}, "routers.core.router", f"{TEXT} {{('a', 'b'): 1}}"),
        ({"routers": {"core": {("a", "b"): 1}}}, "routers.core", "Keys should be strings"),
        (
            {"routers": {"core": {**ROUTER, "router": pulumi.Output.from_input("x")}}},
            "routers.core.router",
            "must be a plain value, not an output",
        ),
    ],
)
def test_wrong_program_config_is_reported(data: Any, key: str, what: str) -> None:
    with pytest.raises(StackError) as caught:
        parse_program_config(data)
    assert any(problem.key.startswith(key) and what in problem.what for problem in caught.value.problems)


# Defaults


def test_defaults_apply_to_keys_that_the_stack_file_lacks() -> None:
    routers = {"core": {"router": "er-core"}, "edge": {"router": "er-edge", "log_stream": "own"}}
    config = parse(defaults=DEFAULTS, routers=routers)
    core, edge = config.routers["core"], config.routers["edge"]
    assert (core.log_group, core.log_stream, core.enabled) == ("network", "er", False)
    assert (edge.log_group, edge.log_stream, edge.enabled) == ("network", "own", False)
    assert (config.rules.every_attachment, config.rules.names, config.max_deletes) == (True, ["x-*"], 3)


def test_stack_file_overrides_defaults_key_by_key() -> None:
    router = {"router": "er-core", "log_group": "own", "enabled": True}
    config = parse(defaults=DEFAULTS, routers={"core": router}, rules={"every_attachment": False}, max_deletes=0)
    assert (config.routers["core"].log_group, config.routers["core"].enabled) == ("own", True)
    assert (config.rules.every_attachment, config.rules.names, config.max_deletes) == (False, ["x-*"], 0)


@pytest.mark.parametrize("defaults", ["# nothing\n", "router: {}\n"])
def test_empty_defaults_change_nothing(defaults: str) -> None:
    assert parse(defaults=defaults, routers=ROUTERS) == parse(routers=ROUTERS)


def test_defaults_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_defaults().router.log_stream == "er-flow-logs"
    monkeypatch.chdir(tmp_path)
    assert load_defaults() == parse_defaults("")


@pytest.mark.parametrize("routers", [5, [], {"core": 5}, {"core": None}, None])
def test_defaults_do_not_change_problems(routers: Any) -> None:
    assert find_problems(defaults=DEFAULTS, routers=routers) == find_problems(routers=routers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("router: {log_strem: x}", "router.log_strem in stacks/defaults.yaml: unknown key; did you mean"),
        ("router: {router: x}", "router.router in stacks/defaults.yaml: unknown key"),
        ("routers: {}", "routers in stacks/defaults.yaml: unknown key; did you mean router?"),
        ("rules: {every: true}", "rules.every in stacks/defaults.yaml: unknown key"),
        ("max_deletes: -1", "max_deletes in stacks/defaults.yaml: must be 0 or more, not -1"),
        ("router: 5", f"router in stacks/defaults.yaml: {MAPPING} 5"),
        ("router: {name: '{vpc}'}", "router.name in stacks/defaults.yaml: has the unknown placeholder {vpc}"),
        ("- a", "stacks/defaults.yaml must be a mapping"),
        ("a: [", "stacks/defaults.yaml is not valid YAML: "),
    ],
)
def test_mistake_in_the_defaults_is_reported_with_its_key(text: str, sentence: str) -> None:
    with pytest.raises(DefaultsError) as caught:
        parse_defaults(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
