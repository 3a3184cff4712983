"""What a stack file may say, and what its author is told otherwise."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from providers.config import CONFIG_KEYS, SECRET_KEYS
from providers.config_keys import own_keys
from stacks.checks import backend
from stacks.errors import PROGRAM, Problem, StackError
from stacks.stackfile.loader import (
    DefaultsError,
    load_defaults,
    parse_defaults,
    parse_program_config,
    parse_stack_file,
)
from stacks.stackfile.location import stack_file
from stacks.stackfile.model import RouterConfig, Selector, StackConfig

ROUTER: dict[str, Any] = {"router": "er-core", "log_group": "network", "log_stream": "er"}
ALL_KEYS = (
    "there is no such key: routers, rules, max_deletes, state, endpoint, endpoints, region, project, project_id,"
    " username, domain, access_key, password, token, secret_key, security_token"
)
SELECTION = "must be all, a list of attachments, or a selector (types, tags, names, include, exclude)"
CHARACTERS = "must be 1 to 64 letters, digits, '_', '-' and '.'"


def parsed(secret: tuple[str, ...] = (), **values: Any) -> StackConfig:
    """As Pulumi hands values over: text as it is, anything else as JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return parse_stack_file(texts, is_secret=dict.fromkeys(secret, True))


def problems(secret: tuple[str, ...] = (), **values: Any) -> list[Problem]:
    with pytest.raises(StackError) as caught:
        parsed(secret, **values)
    return caught.value.problems


def router_problems(**changed: Any) -> list[Problem]:
    return problems(routers={"core": {**ROUTER, **changed}})


def test_a_router_needs_only_its_name_and_where_to_log() -> None:
    config = parsed(routers={"core": ROUTER})
    assert config.max_deletes is None
    assert config.routers["core"] == RouterConfig(
        router="er-core",
        log_group="network",
        log_stream="er",
        name="{router}-{attachment}",
        description="",
        enabled=True,
        attachments="all",
        overrides={},
    )


def test_routers_keep_the_order_in_which_pulumi_hands_them_over() -> None:
    assert list(parsed(routers=dict.fromkeys(("z", "a", "m"), ROUTER)).routers) == ["z", "a", "m"]


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("5", 5), ("5.0", 5), (" 7 ", 7), ("null", None), ("1000000", 1000000)]
)
def test_max_deletes_is_a_whole_number(text: str, number: int | None) -> None:
    assert parsed(routers={"core": ROUTER}, max_deletes=text).max_deletes == number


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-1", "must be 0 or more, not -1"),
        ("5.5", "must be a whole number, not 5.5"),
        ("true", "must be a whole number, not true"),
        ("false", "must be a whole number, not false"),
        ("many", 'must be a whole number, not "many"'),
        ("", 'must be a whole number, not ""'),
        ("[]", "must be a whole number, not []"),
        ("{}", "must be a whole number, not {}"),
        ("1e999", "must be a whole number, not Infinity"),
        ("NaN", "must be a whole number, not NaN"),
    ],
)
def test_max_deletes_that_is_no_whole_number_is_refused(text: str, what: str) -> None:
    assert problems(routers={"core": ROUTER}, max_deletes=text) == [Problem("max_deletes", what)]


def test_a_stack_file_without_routers_says_so() -> None:
    assert problems() == [Problem("routers", "is missing")]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("", 'must be keys with values, not ""'),
        ("core", 'must be keys with values, not "core"'),
        (None, "must be keys with values, not null"),
        (5, "must be keys with values, not 5"),
        (True, "must be keys with values, not true"),
        ([], "must be keys with values, not []"),
        ([1, 2], "must be keys with values, not [1, 2]"),
        ({}, "must not be empty"),
    ],
)
def test_routers_that_are_no_routers_are_refused(value: Any, what: str) -> None:
    assert problems(routers=value) == [Problem("routers", what)]


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "null"), (5, "5"), ([], "[]"), ("er-core", '"er-core"'), (False, "false")]
)
def test_a_router_that_is_no_mapping_is_refused(value: Any, shown: str) -> None:
    assert problems(routers={"core": value}) == [Problem("routers.core", f"must be keys with values, not {shown}")]


def test_an_empty_router_lacks_all_it_needs() -> None:
    assert problems(routers={"core": {}}) == [
        Problem(f"routers.core.{key}", "is missing") for key in ("router", "log_group", "log_stream")
    ]


@pytest.mark.parametrize(
    ("key", "shown"), [("two words", '"two words"'), ("", '""'), ("a/b", '"a/b"'), ("k:v", '"k:v"'), ("ü", '"ü"')]
)
def test_a_router_key_of_other_characters_is_refused(key: str, shown: str) -> None:
    assert problems(routers={key: ROUTER}) == [Problem(f"routers.{key}", f"{CHARACTERS}, not {shown}")]


def test_a_router_key_that_is_too_long_is_refused_and_not_shown_whole() -> None:
    (problem,) = problems(routers={"k" * 65: ROUTER})
    assert problem.what == f'{CHARACTERS}, not "{"k" * 56}...'


def test_a_router_key_of_digits_is_a_key() -> None:
    assert list(parsed(routers={"5": ROUTER}).routers) == ["5"]


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("router", 5, "must be text, not 5"),
        ("router", True, "must be text, not true"),
        ("router", None, "must be text, not null"),
        ("router", ["er-core"], 'must be text, not ["er-core"]'),
        ("router", "", "must not be empty"),
        ("log_group", {}, "must be text, not {}"),
        ("log_stream", 1.5, "must be text, not 1.5"),
        ("name", 5, "must be text, not 5"),
        ("name", "", "must not be empty"),
        ("description", None, "must be text, not null"),
        ("description", 0, "must be text, not 0"),
        ("description", "x" * 256, "must be at most 255 characters"),
        ("enabled", "true", 'must be true or false, not "true"'),
        ("enabled", "yes", 'must be true or false, not "yes"'),
        ("enabled", 1, "must be true or false, not 1"),
        ("enabled", None, "must be true or false, not null"),
        ("adopt", "yes", 'must be true or false, not "yes"'),
        ("attachments", 5, f"{SELECTION}, not 5"),
        ("attachments", True, f"{SELECTION}, not true"),
        ("attachments", None, f"{SELECTION}, not null"),
        ("attachments", "ALL", f'{SELECTION}, not "ALL"'),
        ("attachments", "vpc-shop", f'{SELECTION}, not "vpc-shop"'),
        ("overrides", [], "must be keys with values, not []"),
        ("overrides", "all", 'must be keys with values, not "all"'),
        ("nmae", "x", "there is no such key; did you mean name?"),
        ("logstream", "x", "there is no such key; did you mean log_stream?"),
        (
            "5",
            "x",
            "there is no such key: router, log_group, log_stream, name, description, enabled, attachments, overrides,"
            " adopt, protect",
        ),
    ],
)
def test_a_wrong_value_of_a_router_is_told_with_its_key(key: str, value: Any, what: str) -> None:
    assert router_problems(**{key: value}) == [Problem(f"routers.core.{key}", what)]


def test_long_values_are_shown_in_part() -> None:
    (problem,) = router_problems(router=list(range(100)))
    assert problem.what.startswith("must be text, not [0, 1, 2, ")
    assert problem.what.endswith("...")
    assert len(problem.what) < 90


def test_255_characters_describe_a_flow_log_whatever_their_alphabet() -> None:
    assert parsed(routers={"core": {**ROUTER, "description": "ü" * 255}})


@pytest.mark.parametrize(
    ("value", "key", "what"),
    [
        ([5], "[0]", "must be text, not 5"),
        (["a", None], "[1]", "must be text, not null"),
        (["a", ""], "[1]", "must not be empty"),
        ([["a"]], "[0]", 'must be text, not ["a"]'),
        ({"types": ["cfw"]}, ".types[0]", 'must be vpc, vpn or vgw, not "cfw"'),
        ({"types": ["vpc", 5]}, ".types[1]", "must be vpc, vpn or vgw, not 5"),
        ({"types": "vpc"}, ".types", 'must be a list, not "vpc"'),
        ({"tags": {"env": 5}}, ".tags.env", "must be text, not 5"),
        ({"tags": {"env": None}}, ".tags.env", "must be text, not null"),
        ({"tags": {"env": True}}, ".tags.env", "must be text, not true"),
        ({"tags": ["env"]}, ".tags", 'must be keys with values, not ["env"]'),
        ({"names": "vpc-*"}, ".names", 'must be a list, not "vpc-*"'),
        ({"names": [""]}, ".names[0]", "must not be empty"),
        ({"include": [7]}, ".include[0]", "must be text, not 7"),
        ({"exclude": {}}, ".exclude", "must be a list, not {}"),
        ({"nams": ["a"]}, ".nams", "there is no such key; did you mean names?"),
        ({"router": "x"}, ".router", "there is no such key: types, tags, names, include, exclude"),
    ],
)
def test_a_wrong_value_of_a_selection_is_told_with_its_place(value: Any, key: str, what: str) -> None:
    assert router_problems(attachments=value) == [Problem(f"routers.core.attachments{key}", what)]


@pytest.mark.parametrize(
    ("value", "key", "what"),
    [
        ({"": {}}, ".", "must not be empty"),
        ({"a": None}, ".a", "must be keys with values, not null"),
        ({"a": "b"}, ".a", 'must be keys with values, not "b"'),
        ({"a": {"name": "two words"}}, ".a.name", f'{CHARACTERS}, not "two words"'),
        ({"a": {"name": ""}}, ".a.name", f'{CHARACTERS}, not ""'),
        ({"a": {"name": "Büro"}}, ".a.name", f'{CHARACTERS}, not "Büro"'),
        ({"a": {"name": "x\n"}}, ".a.name", f'{CHARACTERS}, not "x\\n"'),
        ({"a": {"name": 5}}, ".a.name", "must be text, not 5"),
        ({"a": {"log_stream": ""}}, ".a.log_stream", "must not be empty"),
        ({"a": {"enabled": "no"}}, ".a.enabled", 'must be true or false, not "no"'),
        ({"a": {"nme": "x"}}, ".a.nme", "there is no such key; did you mean name?"),
        ({"a": {"zzz": "x"}}, ".a.zzz", "there is no such key: name, description, log_stream, enabled"),
        ({"a": {"description": 5}}, ".a.description", "must be text, not 5"),
    ],
)
def test_a_wrong_override_is_told_with_its_place(value: Any, key: str, what: str) -> None:
    assert router_problems(overrides=value) == [Problem(f"routers.core.overrides{key}", what)]


@pytest.mark.parametrize("key", ["attachments", "overrides", "routers", "list", "selector", "all"])
def test_a_router_may_be_called_like_a_key_of_the_file(key: str) -> None:
    assert problems(routers={key: {**ROUTER, "enabled": "no", "nmae": "x"}}) == [
        Problem(f"routers.{key}.enabled", 'must be true or false, not "no"'),
        Problem(f"routers.{key}.nmae", "there is no such key; did you mean name?"),
    ]


@pytest.mark.parametrize("name", ["attachments", "overrides", "routers"])
def test_an_attachment_may_be_called_like_a_key_of_the_file(name: str) -> None:
    assert router_problems(overrides={name: {"enabled": "no", "nme": "x"}}) == [
        Problem(f"routers.core.overrides.{name}.enabled", 'must be true or false, not "no"'),
        Problem(f"routers.core.overrides.{name}.nme", "there is no such key; did you mean name?"),
    ]


def test_an_empty_list_selects_nothing_and_an_empty_selector_has_no_conditions() -> None:
    assert parsed(routers={"core": {**ROUTER, "attachments": []}}).routers["core"].attachments == []
    assert parsed(routers={"core": {**ROUTER, "attachments": {}}}).routers["core"].attachments == Selector()


def test_a_template_with_a_mistake_is_told_with_its_key() -> None:
    (problem,) = router_problems(name="{atachment}")
    assert problem.key == "routers.core.name"
    assert problem.what.startswith("has the unknown placeholder {atachment}; placeholders are ")


def test_a_key_that_is_almost_right_gets_a_suggestion() -> None:
    assert problems(routers={"core": ROUTER}, max_delete="5") == [
        Problem("max_delete", "there is no such key; did you mean max_deletes?")
    ]


def test_a_key_like_none_there_is_gets_the_list() -> None:
    assert problems(routers={"core": ROUTER}, zzz="5") == [Problem("zzz", ALL_KEYS)]


@pytest.mark.parametrize("key", [key for key in CONFIG_KEYS if key not in SECRET_KEYS])
def test_every_key_of_the_connection_is_known(key: str) -> None:
    assert parsed((), routers={"core": ROUTER}, **{key: "x"})


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_credential_in_plain_text_is_refused_and_not_repeated(key: str) -> None:
    found = problems((), routers={"core": ROUTER}, **{key: "hunter2"})
    assert found == [
        Problem(
            key,
            f"a {key} may stand in a stack file as a secret only: pulumi config set --secret otc-flow-logs:{key}",
        )
    ]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_a_credential_that_is_encrypted_is_fine(key: str) -> None:
    assert parsed((key,), routers={"core": ROUTER}, **{key: "hunter2"})


def test_all_mistakes_are_told_at_once() -> None:
    found = problems(
        routers={
            "a": {**ROUTER, "enabled": 1, "attachments": {"types": ["x"]}},
            "b": {"router": "", "log_group": "g"},
            "c": {**ROUTER, "name": "{nope}"},
        },
        max_deletes="-1",
        zzz="1",
        token="t",
    )
    assert {problem.key for problem in found} == {
        "zzz",
        "token",
        "max_deletes",
        "routers.a.enabled",
        "routers.a.attachments.types[0]",
        "routers.b.router",
        "routers.b.log_stream",
        "routers.c.name",
    }


def test_each_problem_is_one_line_with_key_and_file() -> None:
    error = StackError([Problem("routers.core.router", "is missing"), Problem("max_deletes", "must be 0 or more")])
    assert error.sentences("stacks/Pulumi.dev.yaml") == (
        "otc-flow-logs:routers.core.router in stacks/Pulumi.dev.yaml: is missing\n"
        "otc-flow-logs:max_deletes in stacks/Pulumi.dev.yaml: must be 0 or more"
    )


@pytest.mark.parametrize(
    ("project", "file"),
    [
        (None, "stacks/Pulumi.dev.yaml"),
        ("name: x\n", "Pulumi.dev.yaml"),
        ("name: x\nstackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"),
        ("name: x\nstackConfigDir: 'deploy/to/'  # all of them\n", "deploy/to/Pulumi.dev.yaml"),
    ],
)
def test_a_stack_file_is_where_the_project_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: str | None, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if project is not None:
        Path("Pulumi.yaml").write_text(project)
    assert str(stack_file("dev")) == file


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_an_environment_names_the_project_region_and_state_that_it_belongs_to(stack: str) -> None:
    text = Path(stack_file(stack)).read_text()
    values = own_keys(yaml.safe_load(text)["config"])
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    config = parse_stack_file(texts, is_secret={}, defaults=load_defaults())
    assert config.routers
    assert values["project"] == f"eu-de_{stack}"
    assert values["region"] == "eu-de"
    assert config.state == backend.find_expected_backend(text) == "s3://flow-logs-state"


def test_a_program_says_the_same_as_a_stack_file_would() -> None:
    said = {"routers": {"core": {"router": "er-core"}}, "max_deletes": 2}
    below = defaults("router: {log_group: network, log_stream: er}")
    assert parse_program_config(said, shared=below) == parsed(routers={"core": ROUTER}, max_deletes=2)


def test_a_program_is_told_of_every_key_that_is_wrong() -> None:
    with pytest.raises(StackError) as caught:
        parse_program_config({"router": {}, "region": "eu-de", "state": "s3://states", "routers": {"core": {"max_deletes": 1}}})
    keys = "router, log_group, log_stream, name, description, enabled, attachments, overrides, adopt, protect"
    assert caught.value.problems == [
        Problem("router", "there is no such key; did you mean routers?"),
        Problem("region", "belongs in the stack file"),
        Problem("state", "belongs in the stack file"),
        Problem("routers.core.router", "is missing"),
        Problem("routers.core.log_group", "is missing"),
        Problem("routers.core.log_stream", "is missing"),
        Problem("routers.core.max_deletes", f"there is no such key: {keys}"),
    ]


@pytest.mark.parametrize(
    ("said", "key", "what"),
    [
        (["er-core"], "routers", 'must be keys with values, not ["er-core"]'),
        ("er-core", "routers", 'must be keys with values, not "er-core"'),
        ({}, "routers", "is missing"),
        ({"routers": None}, "routers", "must be keys with values, not null"),
        ({"routers": {"core": {**ROUTER, "tags": {("a", "b"): 1}}}}, "routers.core.tags", "there is no such key"),
        ({"routers": {"core": {("a", "b"): 1}}}, "routers.core", "Keys should be strings"),
        (
            {"routers": {"core": {**ROUTER, "router": pulumi.Output.from_input("x")}}},
            "routers.core.router",
            "must be known before the run, and not be an output",
        ),
    ],
)
def test_a_program_that_says_something_else_is_told_in_one_sentence(said: Any, key: str, what: str) -> None:
    with pytest.raises(StackError) as caught:
        parse_program_config(said)
    assert [problem for problem in caught.value.problems if problem.key.startswith(key) and what in problem.what]
    assert "Traceback" not in str(caught.value)


def test_keys_of_a_program_are_told_without_the_namespace_of_stack_files() -> None:
    error = StackError([Problem("routers.core.router", "is missing")])
    assert error.sentences(PROGRAM) == "routers.core.router in the program: is missing"


RULES = "every_router, every_attachment, never_disabled, log_groups, names"


@pytest.mark.parametrize(
    ("rules", "key", "what"),
    [
        (5, "", "must be keys with values, not 5"),
        ({"zzz": True}, ".zzz", f"there is no such key: {RULES}"),
        ({"every_atachment": True}, ".every_atachment", "there is no such key; did you mean every_attachment?"),
        ({"never_disabled": "yes"}, ".never_disabled", 'must be true or false, not "yes"'),
        ({"log_groups": "network"}, ".log_groups", 'must be a list, not "network"'),
        ({"names": [""]}, ".names[0]", "must not be empty"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(rules: Any, key: str, what: str) -> None:
    assert problems(routers={"core": ROUTER}, rules=rules) == [Problem(f"rules{key}", what)]


@pytest.mark.parametrize("key", ["routers", "rules", "max_deletes"])
def test_what_shows_everywhere_is_refused_as_a_secret(key: str) -> None:
    values = {"routers": {"core": ROUTER}, "rules": {}, "max_deletes": 5}
    (problem,) = problems((key,), **values)
    assert problem.key == key
    assert problem.what.startswith("is encrypted, but its value shows in previews")


def test_no_rule_holds_unless_the_stack_file_says_so() -> None:
    rules = parsed(routers={"core": ROUTER}).rules
    assert set(rules.model_dump().values()) == {False, None}


SHARED = """
router: {log_group: network, log_stream: er, enabled: false}
rules: {every_attachment: true, names: [x-*]}
max_deletes: 3
"""


def below(text: str, **values: Any) -> StackConfig:
    """The config of a stack file with these values, below what all stacks share."""
    return parse_stack_file({key: json.dumps(value) for key, value in values.items()}, is_secret={}, defaults=parse_defaults(text))


def test_what_a_stack_file_does_not_say_all_stacks_share() -> None:
    config = below(SHARED, routers={"core": {"router": "er-core"}, "edge": {"router": "er-edge", "log_stream": "own"}})
    core, edge = config.routers["core"], config.routers["edge"]
    assert (core.log_group, core.log_stream, core.enabled) == ("network", "er", False)
    assert (edge.log_group, edge.log_stream, edge.enabled) == ("network", "own", False)
    assert (config.rules.every_attachment, config.rules.names, config.max_deletes) == (True, ["x-*"], 3)


def test_what_a_stack_file_says_counts_more_key_by_key() -> None:
    router = {"router": "er-core", "log_group": "mine", "enabled": True}
    config = below(SHARED, routers={"core": router}, rules={"every_attachment": False}, max_deletes=0)
    assert (config.routers["core"].log_group, config.routers["core"].enabled) == ("mine", True)
    assert (config.rules.every_attachment, config.rules.names, config.max_deletes) == (False, ["x-*"], 0)


@pytest.mark.parametrize("text", ["", "# nothing\n", "router: {}\n"])
def test_without_anything_shared_a_stack_file_stands_for_itself(text: str) -> None:
    assert below(text, routers={"core": ROUTER}) == parsed(routers={"core": ROUTER})


@pytest.mark.parametrize("routers", [5, [], {"core": 5}, {"core": None}, None])
def test_what_is_wrong_in_a_stack_file_is_told_as_without_defaults(routers: Any) -> None:
    with pytest.raises(StackError) as caught:
        below(SHARED, routers=routers)
    assert caught.value.problems == problems(routers=routers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("router: {log_strem: x}", "router.log_strem in stacks/defaults.yaml: there is no such key; did you mean"),
        ("router: {router: x}", "router.router in stacks/defaults.yaml: there is no such key"),
        ("routers: {}", "routers in stacks/defaults.yaml: there is no such key; did you mean router?"),
        ("rules: {every: true}", "rules.every in stacks/defaults.yaml: there is no such key"),
        ("max_deletes: -1", "max_deletes in stacks/defaults.yaml: must be 0 or more, not -1"),
        ("router: 5", "router in stacks/defaults.yaml: must be keys with values, not 5"),
        ("router: {name: '{vpc}'}", "router.name in stacks/defaults.yaml: has the unknown placeholder {vpc}"),
        ("- a", "stacks/defaults.yaml must be keys with values"),
        ("a: [", "stacks/defaults.yaml is not valid YAML: "),
    ],
)
def test_a_mistake_in_what_all_stacks_share_is_told_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(DefaultsError) as caught:
        parse_defaults(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
