"""Shapes of clouds.yaml and sets of variables that people have, with what each must give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DE = "https://er.eu-de.otc.t-systems.com"
NL = "https://er.eu-nl.otc.t-systems.com"
SWISS = "https://er.eu-ch2.sc.otc.t-systems.com"
IAM_DE = "https://iam.eu-de.otc.t-systems.com/v3"
IAM_NL = "https://iam.eu-nl.otc.t-systems.com/v3"
IAM_SWISS = "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3"

PROJECT_ID = "0605767a9980d5762fbcc00b3537e757"
USER: dict[str, str] = {"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "OTC-1"}
AUTH: dict[str, Any] = {"username": "ann", "password": "pw", "user_domain_name": "OTC-1"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One shape.

    Attributes:
        name: What it is.
        cloud: What clouds.yaml has of the cloud `it`, which OS_CLOUD names if this is not empty.
        environment: The OS_* variables.
        stack: The keys of the stack file.
        account: Who acts, in words.
        project: The id and the name of the project.
        region: The region in use.
        er: The address of the Enterprise Router service.
        iam: IAM's address.
        refusal: A part of the sentence, where the shape is refused.
    """

    name: str
    cloud: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stack: Mapping[str, str] = field(default_factory=dict)
    account: str = "user 'ann' of domain 'OTC-1'"
    project: tuple[str | None, str | None] = (None, "eu-de")
    region: str | None = "eu-de"
    er: str = DE
    iam: str = IAM_DE
    refusal: str = ""


CASES = [
    # Variables
    Case(
        name="the cloud's own rc file, with tenant names",
        environment={**USER, "OS_TENANT_NAME": "eu-de_team", "OS_AUTH_URL": IAM_DE},
        project=(None, "eu-de_team"),
    ),
    Case(
        name="a tenant id",
        environment={**USER, "OS_TENANT_ID": PROJECT_ID, "OS_REGION_NAME": "eu-de"},
        project=(PROJECT_ID, None),
    ),
    Case(
        name="a tenant that is not the project",
        environment={**USER, "OS_TENANT_NAME": "eu-de_a", "OS_PROJECT_NAME": "eu-de_b"},
        refusal="OS_TENANT_NAME and OS_PROJECT_NAME contradict each other",
    ),
    Case(
        name="region from the project's name",
        environment={**USER, "OS_PROJECT_NAME": "eu-nl_team"},
        project=(None, "eu-nl_team"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="region from IAM's address",
        environment={**USER, "OS_AUTH_URL": IAM_NL},
        project=(None, "eu-nl"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="IAM of another region",
        environment={**USER, "OS_AUTH_URL": IAM_DE, "OS_REGION_NAME": "eu-nl"},
        refusal="OS_AUTH_URL is of region eu-de, not of eu-nl",
    ),
    Case(
        name="a project of another region",
        environment={**USER, "OS_PROJECT_NAME": "eu-de_team", "OS_REGION_NAME": "eu-nl"},
        refusal="is in region eu-de, not in eu-nl",
    ),
    Case(
        name="the stack's region, IAM of another",
        stack={"region": "eu-nl"},
        environment={**USER, "OS_AUTH_URL": IAM_DE},
        refusal="OS_AUTH_URL is of region eu-de, not of eu-nl",
    ),
    Case(name="nothing names a region", environment=USER, refusal="no region"),
    Case(name="auth_url without version", environment={**USER, "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com"}),
    Case(name="auth_url with a trailing slash", environment={**USER, "OS_AUTH_URL": f"{IAM_DE}/"}),
    Case(
        name="domain by id",
        environment={"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_ID": "d0", "OS_REGION_NAME": "eu-de"},
        account="user 'ann' of domain 'd0'",
    ),
    Case(
        name="domain name for all",
        environment={"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_DOMAIN_NAME": "OTC-1", "OS_REGION_NAME": "eu-de"},
    ),
    Case(
        name="user by id",
        environment={"OS_USER_ID": "u0", "OS_PASSWORD": "pw", "OS_REGION_NAME": "eu-de"},
        account="user 'u0'",
    ),
    Case(
        name="user without domain",
        environment={"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_REGION_NAME": "eu-de"},
        refusal="OS_USERNAME also needs OS_USER_DOMAIN_NAME (or otc-flow-logs:domain) or OS_USER_DOMAIN_ID",
    ),
    Case(
        name="MFA",
        environment={"OS_USER_ID": "u0", "OS_PASSWORD": "pw", "OS_PASSCODE": "123456", "OS_REGION_NAME": "eu-de"},
        account="user 'u0'",
    ),
    Case(
        name="token alone",
        environment={"OS_TOKEN": "t", "OS_REGION_NAME": "eu-de"},
        account="the owner of the token",
        project=(None, None),
    ),
    Case(
        name="token with its project",
        environment={"OS_AUTH_TOKEN": "t", "OS_PROJECT_ID": PROJECT_ID, "OS_REGION_NAME": "eu-nl"},
        account="the owner of the token",
        project=(PROJECT_ID, None),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="access key",
        environment={"OS_ACCESS_KEY": "AK", "OS_SECRET_KEY": "SK", "OS_REGION_NAME": "eu-de"},
        account="access key 'AK'",
    ),
    Case(
        name="access key of this cloud's tools",
        environment={"OS_AK": "AK", "OS_SK": "SK", "OS_PROJECT_NAME": "eu-de"},
        account="access key 'AK'",
    ),
    Case(
        name="access key by its ids",
        environment={"OS_ACCESS_KEY_ID": "AK", "OS_SECRET_ACCESS_KEY": "SK", "OS_REGION_NAME": "eu-de"},
        account="access key 'AK'",
    ),
    Case(
        name="temporary access key",
        environment={
            "OS_ACCESS_KEY": "AK",
            "OS_SECRET_KEY": "SK",
            "OS_SECURITY_TOKEN": "st",
            "OS_REGION_NAME": "eu-de",
        },
        account="access key 'AK' (temporary)",
    ),
    Case(
        name="session token of the same key",
        environment={
            "OS_ACCESS_KEY": "AK",
            "OS_SECRET_KEY": "SK",
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SESSION_TOKEN": "st",
            "OS_REGION_NAME": "eu-de",
        },
        account="access key 'AK' (temporary)",
    ),
    Case(
        name="session token of another key",
        environment={
            "OS_ACCESS_KEY": "AK",
            "OS_SECRET_KEY": "SK",
            "AWS_ACCESS_KEY_ID": "other",
            "AWS_SESSION_TOKEN": "st",
            "OS_REGION_NAME": "eu-de",
        },
        account="access key 'AK'",
    ),
    Case(
        name="access key without secret",
        environment={"OS_ACCESS_KEY": "AK", "OS_REGION_NAME": "eu-de"},
        refusal="OS_ACCESS_KEY also needs OS_SECRET_KEY",
    ),
    Case(
        name="agency by variables",
        environment={
            **USER,
            "OS_AGENCY_NAME": "ops",
            "OS_AGENCY_DOMAIN_NAME": "OTC-2",
            "OS_DELEGATED_PROJECT": "eu-nl_theirs",
        },
        account="user 'ann' of domain 'OTC-1', through agency 'ops' of domain 'OTC-2'",
        project=(None, "eu-nl_theirs"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="agency without its domain",
        environment={**USER, "OS_AGENCY_NAME": "ops", "OS_REGION_NAME": "eu-de"},
        refusal="OS_USERNAME also needs OS_AGENCY_DOMAIN_NAME or OS_AGENCY_DOMAIN_ID",
    ),
    Case(
        name="agency with an access key",
        environment={
            "OS_AK": "AK",
            "OS_SK": "SK",
            "OS_AGENCY_NAME": "ops",
            "OS_AGENCY_DOMAIN_NAME": "OTC-2",
            "OS_REGION_NAME": "eu-de",
        },
        refusal="cannot act through an agency",
    ),
    Case(
        name="federated user",
        environment={
            "OS_AUTH_TYPE": "v3oidcpassword",
            "OS_USERNAME": "ann",
            "OS_PASSWORD": "pw",
            "OS_IDENTITY_PROVIDER": "idp",
            "OS_PROTOCOL": "oidc",
            "OS_CLIENT_ID": "c",
            "OS_ACCESS_TOKEN_ENDPOINT": "https://idp.example.com/token",
            "OS_REGION_NAME": "eu-de",
        },
        account="user 'ann'",
    ),
    Case(
        name="SAML, which needs another package",
        environment={**USER, "OS_AUTH_TYPE": "v3samlpassword", "OS_REGION_NAME": "eu-de"},
        refusal="v3samlpassword",
    ),
    Case(
        name="a plugin that does not exist",
        environment={**USER, "OS_AUTH_TYPE": "v3magic", "OS_REGION_NAME": "eu-de"},
        refusal="no plugin 'v3magic'",
    ),
    Case(
        name="a profile by variable",
        environment={**USER, "OS_PROFILE": "otc", "OS_REGION_NAME": "eu-nl"},
        project=(None, "eu-nl"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="a password that is None, in words", environment={**USER, "OS_PASSWORD": "None", "OS_REGION_NAME": "eu-de"}
    ),
    Case(
        name="the Swiss cloud",
        environment={**USER, "OS_REGION_NAME": "eu-ch2"},
        project=(None, "eu-ch2"),
        region="eu-ch2",
        er=SWISS,
        iam=IAM_SWISS,
    ),
    Case(
        name="endpoint override by variable",
        environment={**USER, "OS_REGION_NAME": "eu-de", "OS_ER_ENDPOINT_OVERRIDE": "https://er.example.com/v3/"},
        er="https://er.example.com",
    ),
    Case(
        name="a trust",
        environment={**USER, "OS_REGION_NAME": "eu-de", "OS_TRUST_ID": "t0"},
        refusal="OS_TRUST_ID cannot be honoured",
    ),
    Case(
        name="a client certificate",
        environment={**USER, "OS_REGION_NAME": "eu-de", "OS_CERT": "/c.pem", "OS_KEY": "/k.pem"},
        refusal="OS_CERT, OS_KEY cannot be honoured",
    ),
    Case(name="nobody", environment={"OS_REGION_NAME": "eu-de"}, refusal="no credentials"),
    Case(
        name="agency in the project that is named",
        environment={**USER, "OS_AGENCY_NAME": "ops", "OS_AGENCY_DOMAIN_NAME": "OTC-2", "OS_PROJECT_NAME": "eu-de_b"},
        account="user 'ann' of domain 'OTC-1', through agency 'ops' of domain 'OTC-2'",
        project=(None, "eu-de_b"),
    ),
    Case(
        name="a kind without a user",
        environment={
            "OS_AUTH_TYPE": "v3oidcaccesstoken",
            "OS_IDENTITY_PROVIDER": "idp",
            "OS_PROTOCOL": "oidc",
            "OS_ACCESS_TOKEN": "t",
            "OS_REGION_NAME": "eu-de",
        },
        account="the user of v3oidcaccesstoken",
    ),
    Case(
        name="half an application credential",
        environment={"OS_APPLICATION_CREDENTIAL_ID": "i", "OS_REGION_NAME": "eu-de"},
        refusal="OS_APPLICATION_CREDENTIAL_ID has no token, username or access key",
    ),
    Case(
        name="another CA file by variable",
        cloud={"region_name": "eu-de", "auth": AUTH},
        environment={"OS_CACERT": "/other.pem"},
        refusal="OS_CACERT says something else",
    ),
    # clouds.yaml
    Case(
        name="plain cloud",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "project_name": "eu-de_team", "auth_url": IAM_DE}},
        project=(None, "eu-de_team"),
    ),
    Case(
        name="profile otc",
        cloud={"profile": "otc", "region_name": "eu-nl", "auth": AUTH},
        project=(None, "eu-nl"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="profile otc without region, project tells",
        cloud={"profile": "otc", "auth": {**AUTH, "project_name": "eu-nl_team"}},
        project=(None, "eu-nl_team"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(name="profile otc without any region", cloud={"profile": "otc", "auth": AUTH}, refusal="no region"),
    Case(
        name="profile otc, the stack's region",
        cloud={"profile": "otc", "auth": AUTH},
        stack={"region": "eu-nl"},
        project=(None, "eu-nl"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(
        name="profile otc-swiss",
        cloud={"profile": "otc-swiss", "auth": AUTH},
        project=(None, "eu-ch2"),
        region="eu-ch2",
        er=SWISS,
        iam=IAM_SWISS,
    ),
    Case(
        name="regions with values",
        cloud={
            "auth": AUTH,
            "regions": [
                {"name": "eu-de", "values": {"auth": {"project_name": "eu-de_a"}}},
                {"name": "eu-nl", "values": {"auth": {"project_name": "eu-nl_b"}}},
            ],
        },
        environment={"OS_REGION_NAME": "eu-nl"},
        project=(None, "eu-nl_b"),
        region="eu-nl",
        er=NL,
        iam=IAM_NL,
    ),
    Case(name="several regions, none chosen", cloud={"auth": AUTH, "regions": ["eu-de", "eu-nl"]}, refusal="no region"),
    Case(
        name="the stack's region is not the cloud's",
        cloud={"region_name": "eu-de", "auth": AUTH},
        stack={"region": "eu-nl"},
        refusal="eu-nl is not a valid region name for cloud it",
    ),
    Case(
        name="agency in clouds.yaml",
        cloud={
            "auth_type": "agency",
            "region_name": "eu-de",
            "auth": {
                **AUTH,
                "target_agency_name": "ops",
                "target_domain_name": "OTC-2",
                "target_project_name": "eu-de_theirs",
            },
        },
        account="user 'ann' of domain 'OTC-1', through agency 'ops' of domain 'OTC-2'",
        project=(None, "eu-de_theirs"),
    ),
    Case(
        name="federated cloud",
        cloud={
            "auth_type": "v3oidcpassword",
            "region_name": "eu-de",
            "auth": {
                "username": "ann",
                "password": "pw",
                "identity_provider": "idp",
                "protocol": "oidc",
                "client_id": "c",
                "access_token_endpoint": "https://idp.example.com/token",
            },
        },
        account="user 'ann'",
    ),
    Case(
        name="MFA cloud",
        cloud={
            "auth_type": "v3multifactor",
            "auth_methods": ["v3password", "v3totp"],
            "region_name": "eu-de",
            "auth": {"user_id": "u0", "password": "pw", "passcode": "123456"},
        },
        account="user 'u0'",
    ),
    Case(
        name="ak and sk in auth",
        cloud={"region_name": "eu-de", "auth": {"ak": "AK", "sk": "SK", "project_id": PROJECT_ID}},
        account="access key 'AK'",
        project=(PROJECT_ID, None),
    ),
    Case(
        name="ak and sk beside auth",
        cloud={"region_name": "eu-de", "ak": "AK", "sk": "SK", "auth": {"project_name": "eu-de"}},
        account="access key 'AK'",
    ),
    Case(
        name="token cloud",
        cloud={"region_name": "eu-de", "auth_type": "token", "auth": {"token": "t", "project_id": PROJECT_ID}},
        account="the owner of the token",
        project=(PROJECT_ID, None),
    ),
    Case(
        name="no password, which OS_PASSWORD has",
        cloud={"region_name": "eu-de", "auth": {"username": "ann", "user_domain_name": "OTC-1"}},
        environment={"OS_PASSWORD": "pw"},
    ),
    Case(
        name="no password anywhere",
        cloud={"region_name": "eu-de", "auth": {"username": "ann", "user_domain_name": "OTC-1"}},
        refusal="also needs OS_PASSWORD",
    ),
    Case(
        name="another user by variables",
        cloud={"region_name": "eu-de", "auth": AUTH},
        environment={"OS_USERNAME": "bob", "OS_PASSWORD": "pw"},
        refusal="OS_CLOUD names cloud 'it', and OS_USERNAME says something else",
    ),
    Case(
        name="another project by variables",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "project_name": "eu-de_a"}},
        environment={"OS_PROJECT_NAME": "eu-de_b"},
        refusal="OS_PROJECT_NAME says something else",
    ),
    Case(name="variables that repeat the cloud", cloud={"region_name": "eu-de", "auth": AUTH}, environment=USER),
    Case(
        name="a password of digits",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "password": 83}},
        refusal="password of cloud 'it' in clouds.yaml is not text for YAML, but a int",
    ),
    Case(
        name="a setting of its auth that nobody knows",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "trust_id": "t0"}},
        refusal="trust_id",
    ),
    Case(
        name="endpoint override",
        cloud={"region_name": "eu-de", "er_endpoint_override": "https://er.example.com/v3", "auth": AUTH},
        er="https://er.example.com",
    ),
    Case(
        name="IAM's override",
        cloud={"region_name": "eu-de", "identity_endpoint_override": "https://iam.example.com", "auth": AUTH},
        iam="https://iam.example.com/v3",
    ),
    Case(
        name="the stack's project",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "project_name": "eu-de_a"}},
        stack={"project": "eu-de_b"},
        project=(None, "eu-de_b"),
    ),
    Case(
        name="id and name of the project",
        cloud={"region_name": "eu-de", "auth": {**AUTH, "project_name": "eu-de_a", "project_id": PROJECT_ID}},
        project=(PROJECT_ID, "eu-de_a"),
    ),
    Case(
        name="auth is not keys", cloud={"region_name": "eu-de", "auth": "nonsense"}, refusal="must be keys with values"
    ),
    # The stack file
    Case(
        name="a user of the stack file",
        stack={"region": "eu-de", "username": "ann", "password": "pw", "domain": "OTC-1"},
    ),
    Case(
        name="a token of the stack file",
        stack={"region": "eu-de", "token": "t", "project_id": PROJECT_ID},
        account="the owner of the token",
        project=(PROJECT_ID, None),
    ),
    Case(
        name="an access key of the stack file",
        stack={"region": "eu-de", "access_key": "AK", "secret_key": "SK"},
        account="access key 'AK'",
    ),
]
