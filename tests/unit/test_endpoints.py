"""Where the services are."""

import pytest

from providers.er.endpoints import REGIONS, EndpointError, Endpoints, is_loopback


def test_region_has_three_public_endpoints() -> None:
    assert Endpoints.of_region("eu-nl") == Endpoints(
        er="https://er.eu-nl.otc.t-systems.com",
        iam="https://iam.eu-nl.otc.t-systems.com/v3",
        lts="https://lts.eu-nl.otc.t-systems.com",
    )


@pytest.mark.parametrize("region", ["", "eu-de ", "EU-DE", "us-east-1", "eu-de/../x"])
def test_unknown_region_is_refused(region: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.of_region(region)
    assert str(caught.value) == f"{region!r} is not a region; regions are eu-de and eu-nl"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080//"])
def test_one_address_can_serve_all_services(url: str) -> None:
    assert Endpoints.at(url) == Endpoints(
        er="http://127.0.0.1:8080", iam="http://127.0.0.1:8080/v3", lts="http://127.0.0.1:8080"
    )


def test_endpoints_can_be_overridden_one_by_one() -> None:
    moved = Endpoints.of_region("eu-de").overridden(iam="https://iam.example.com/v3/")
    assert moved.iam == "https://iam.example.com/v3"
    assert moved.er == Endpoints.of_region("eu-de").er
    assert Endpoints.of_region("eu-de").overridden() == Endpoints.of_region("eu-de")


@pytest.mark.parametrize(
    "url",
    [
        "https://er.example.com",
        "https://er.example.com:8443",
        "https://er.example.com/gateway",
        "HTTPS://er.example.com",
        "https://[2001:db8::1]:443",
        "http://localhost:1",
        "http://127.0.0.53",
        "http://[::1]:9000",
    ],
)
def test_https_and_loopback_addresses_are_accepted(url: str) -> None:
    assert Endpoints.at(url).er == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "er.example.com",
        "er.example.com:443",
        "//er.example.com",
        "ftp://er.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://:443",
        "https://er.example.com:port",
        "https://er.example.com:70000",
        "https://er.example.com:0",
        "5",
        "true",
        "https://[::1",
        "https://[not-an-address]",
        "https://er.example\u2100com",
    ],
)
def test_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.at(url)
    assert str(caught.value) == f"{url!r} is not an address such as https://er.eu-de.otc.t-systems.com"


@pytest.mark.parametrize(
    "url", ["https://er.example.com?x=1", "https://er.example.com/#x", "https://er example.com", "https://er\n.com"]
)
def test_address_with_query_fragment_or_space_is_refused(url: str) -> None:
    with pytest.raises(EndpointError):
        Endpoints.at(url)


def test_password_in_a_refused_address_is_not_shown() -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.at("https://user:hunter2@er.example.com")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://er.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
    ],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.at(url)
    assert str(caught.value) == f"{url!r} would send credentials unencrypted: use https (http is for loopback only)"


def test_overridden_address_is_checked() -> None:
    with pytest.raises(EndpointError):
        Endpoints.of_region(REGIONS[0]).overridden(lts="http://lts.example.com")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:80/x", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:5", True),
        ("http://user@127.0.0.1", True),
        ("http://127.0.0.1@er.example.com", False),
        ("http://[::ffff:10.0.0.1]", False),
        ("http://128.0.0.1", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_loopback_depends_on_the_host_alone(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected
