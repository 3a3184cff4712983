"""Where the services are."""

import pytest

from providers.er.endpoints import EndpointError, Endpoints, is_loopback


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
    assert str(caught.value) == f"{region!r} is not a region; regions are eu-de, eu-nl, eu-ch2"


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
    with pytest.raises(EndpointError):
        moved.overridden(lts="http://lts.example.com")


@pytest.mark.parametrize(
    "url",
    [
        *("https://er.example.com", "https://er.example.com:8443", "https://er.example.com/gateway"),
        *("HTTPS://er.example.com", "https://[2001:db8::1]:443"),
        *("http://localhost:1", "http://127.0.0.53", "http://[::1]:9000"),
    ],
)
def test_https_and_loopback_addresses_are_accepted(url: str) -> None:
    assert Endpoints.at(url).er == url


NO_ADDRESS = "is not an address such as https://er.eu-de.otc.t-systems.com"
UNENCRYPTED = "would send credentials unencrypted: use https (http is for loopback only)"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        *((text, NO_ADDRESS) for text in ("", "5", "true", "er.example.com", "er.example.com:443", "//er.example.com")),
        *((url, NO_ADDRESS) for url in ("ftp://er.example.com", "file:///etc/passwd", "https://", "https:///path")),
        *((f"https://{rest}", NO_ADDRESS) for rest in (":443", "[::1", "[not-an-address]", "er.example\u2100com")),
        *((f"https://er.example.com:{port}", NO_ADDRESS) for port in ("port", "70000", "0")),
        *(
            (f"https://{rest}", "")
            for rest in ("er.example.com?x=1", "er.example.com/#x", "er example.com", "er\n.com")
        ),
        *((f"http://{host}", UNENCRYPTED) for host in ("er.example.com", "10.0.0.1", "localhost.example.com")),
        *((f"http://{host}", UNENCRYPTED) for host in ("127.0.0.1.example.com", "0.0.0.0")),
    ],
)
def test_wrong_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.at(url)
    assert not reason or str(caught.value) == f"{url!r} {reason}"


def test_password_in_a_refused_address_is_not_shown() -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoints.at("https://user:hunter2@er.example.com")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        *((f"http://{place}", True) for place in ("localhost:80/x", "127.8.9.10", "[::1]:5", "user@127.0.0.1")),
        *((f"http://{place}", False) for place in ("127.0.0.1@er.example.com", "[::ffff:10.0.0.1]", "128.0.0.1")),
        *(("nonsense", False), ("", False)),
    ],
)
def test_loopback_depends_on_the_host_alone(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected
