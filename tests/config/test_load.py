"""From files to what the agent runs on: the page of interfaces.md, includes, secrets, module files, size."""

import asyncio
import re
import time
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config import ConfigError, Loaded, load
from agent.core.alerting import Alertmanager
from agent.core.model import Role, SnmpAuth
from agent.core.permission import Permission
from tests.exporters.serving import make_certificate

HERE = Path(__file__).parent


def loaded(tmp_path: Path, text: str, *, strict: bool = False, **environ: str) -> Loaded:
    file = tmp_path / "linewarden.yaml"
    file.write_text(text)
    return load(file, strict=strict, environ=environ)


def warnings(found: Loaded) -> list[str]:
    return [f"{problem.line}: {problem.path}: {problem.message}" for problem in found.warnings]


# ------------------------------------------------------------------ interfaces.md


def test_interfaces_loads_as_it_stands() -> None:
    found = load(HERE / "interfaces.yaml", environ={})
    assert list(found.estate.targets) == [
        "bcw-crown-primary", "bcw-crown", "bcw", "crown", "bcw-core-sw1", "telephony",
    ]  # fmt: skip
    assert found.settings.agent.name == found.estate.agent == "dc1"
    assert found.settings.agent.state_dir == "/var/lib/linewarden"
    circuit = found.estate.targets["bcw-crown-primary"]
    assert [(check.name, check.interval_seconds) for check in circuit.checks] == [
        ("icmp", 1.0), ("end:bcw-core-sw1/Gi1/0/48", 10.0),
    ]  # fmt: skip
    assert circuit.checks[0].settings.dscp == 46
    assert circuit.checks[0].settings.interface == "eth1"
    assert circuit.circuit is not None
    assert circuit.circuit.contract == "GBP 1,200.00 per month, ends 2027-03-31"
    assert circuit.circuit.objective_loss_ratio == pytest.approx(0.001)
    assert circuit.circuit.capacity_bits_per_second == 1e8


def test_interfaces_without_its_secrets() -> None:
    found = load(HERE / "interfaces.yaml", environ={})
    assert [problem.line for problem in found.warnings] == [9, 10, 11]
    auth = found.auths["core_v3"]
    assert auth.problem is not None
    assert "/etc/linewarden/auth" in auth.problem
    assert "LW_PRIV" in auth.problem
    assert found.auths["public_v2"].problem is None
    with pytest.raises(ConfigError, match="LW_PRIV is not set"):
        load(HERE / "interfaces.yaml", strict=True, environ={})


def test_example_estate_loads() -> None:
    file = HERE.parents[1] / "configs" / "linewarden.yaml"
    found = load(file, environ={})
    assert found.estate.site == "crown"
    assert found.estate.targets["bcw-crown"].members == ("bcw-crown-primary", "bcw-crown-backup")
    assert file.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_complete_device(tmp_path: Path) -> None:
    found = loaded(tmp_path, "devices: [{name: d1, kind: server, address: 10.0.0.1, icmp: {interval: 1s}}]")
    (check,) = found.estate.checks()
    assert (check.target, check.name, check.interval_seconds, check.settings.round) == ("d1", "icmp", 1.0, 10.0)
    assert warnings(found) == []


def test_empty_configuration_is_an_estate_without_targets(tmp_path: Path) -> None:
    found = loaded(tmp_path, "")
    assert found.estate.targets == {}
    assert found.estate.agent  # the host's name
    assert found.settings.agent.listen == "127.0.0.1:9799"


def test_empty_sections_are_left_out(tmp_path: Path) -> None:
    found = loaded(tmp_path, "agent:\nowners:\nsnmp:\nsites:\ndevices:\ninclude:\nageing:\n  policy:\n")
    assert found.estate.targets == {}


# ------------------------------------------------------------------ defaults


@pytest.mark.parametrize(
    ("block", "interval", "span"),
    [("{}", 10, 10), ("", 10, 10), ("{interval: 30s}", 30, 30), ("{interval: 30s, round: 1m}", 30, 60)],
)
def test_echoes_of_a_device(tmp_path: Path, block: str, interval: float, span: float) -> None:
    found = loaded(tmp_path, f"devices:\n  - name: d1\n    kind: server\n    address: d1.example\n    icmp: {block}\n")
    (check,) = found.estate.checks()
    assert (check.interval_seconds, check.settings.round) == (interval, span)


def test_block_may_have_its_own_address(tmp_path: Path) -> None:
    found = loaded(tmp_path, "devices: [{name: d1, kind: server, address: a, icmp: {address: 10.0.0.9}}]")
    assert found.estate.checks()[0].settings.address == "10.0.0.9"


def test_number_as_name(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "sites: [{name: 101}]\ndevices: [{name: 7, kind: server, site: 101, address: a, icmp: {}}]"
    )
    assert found.estate.targets["7"].site == "101"


# ------------------------------------------------------------------ include


def test_include(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.yaml").write_text("devices: [{name: b1, kind: server, site: b, address: a, icmp: {}}]")
    (tmp_path / "conf.d" / "a.yaml").write_text("sites: [{name: b}]")
    (tmp_path / "conf.d" / "notes.txt").write_text("[")
    found = loaded(tmp_path, "include: [conf.d/*.yaml, conf.d/a.yaml, none/*.yaml]\nsites: [{name: a}]")
    assert list(found.estate.targets) == ["a", "b", "b1"]


def test_include_says_which_file(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "\ndevices:\n  - {name: x, kind: server, site: nowhere, address: a, icmp: {}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "include: more.yaml\ndevices: [{name: x, kind: server, address: a, icmp: {}}]")
    assert [(problem.file.name, problem.line) for problem in caught.value.problems] == [("more.yaml", 3)] * 2
    assert "linewarden.yaml:2" in str(caught.value)


def test_include_of_itself_is_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "include: ['*.yaml']\nsites: [{name: a}]").estate.targets.keys() == {"a"}


# ------------------------------------------------------------------ secrets


def test_secrets(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("from a file\n")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "priv").write_text("from systemd")
    text = """
snmp:
  auths:
    v3:
      version: 3
      username: ops
      security_level: authPriv
      auth_protocol: SHA512
      password: {file: auth}
      priv_protocol: AES256C
      priv_password: {credential: priv}
      context_name: vlan-1
    v2: {community: {env: COMMUNITY}}
    v1: {version: 1}
"""
    environ = {"COMMUNITY": "from the environment", "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    found = loaded(tmp_path, text, strict=True, **environ)
    assert found.auths["v3"] == SnmpAuth(
        "v3", 3, username="ops", security_level="authPriv", auth_protocol="SHA512", password="from a file",
        priv_protocol="AES256C", priv_password="from systemd", context_name="vlan-1",
    )  # fmt: skip
    assert found.auths["v2"].community == "from the environment"
    assert found.auths["v1"].community == "public"
    assert found.warnings == ()
    assert not any(secret in repr(found) for secret in ("from a file", "from systemd", "from the environment"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{file: none}", r"the secret's file .*/none cannot be read: No such file or directory"),
        ("{file: empty}", r"the secret's file .*/empty is empty"),
        ("{file: binary}", "is not UTF-8 text"),
        ("{file: large}", "is larger than 65536 octets"),
        ("{file: .}", "is no regular file"),
        ("{env: NOT_SET}", "the secret's environment variable NOT_SET is not set"),
        ("{credential: a}", r"no \$CREDENTIALS_DIRECTORY to read credential 'a' from"),
    ],
)
def test_missing_secret(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 70000)
    text = f"snmp: {{auths: {{a: {{community: {source}}}}}}}"
    found = loaded(tmp_path, text)
    assert re.search(message, found.warnings[0].message)
    assert found.warnings[0].path == "snmp.auths.a.community"
    assert re.search(message, found.auths["a"].problem or "")
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, text, strict=True)


def test_credential_is_a_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, "snmp: {auths: {a: {community: {credential: ../x}}}}", CREDENTIALS_DIRECTORY="/run")
    assert "is a path" in found.warnings[0].message


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ("{community: secretword}", "the community stands here for every reader"),
        ("{community: 12345678}", "the community stands here for every reader"),
        ("{version: 3, username: u, community: secretword}", "version 3 has no community"),
        ("{version: 2, community: {env: C}, username: u, password: {env: C}}", "version 2 has no username, password"),
        (
            "{version: 3, username: u, security_level: authNoPriv, password: {env: SHORT}}",
            "password is shorter than the 8 characters",
        ),
    ],
)
def test_auth_warnings(tmp_path: Path, auth: str, message: str) -> None:
    found = loaded(tmp_path, f"snmp: {{auths: {{a: {auth}}}}}", strict=True, C="secretword", SHORT="secret")
    (warning,) = found.warnings
    assert message in warning.message
    assert "secret" not in str(warning).replace("secret's", "")


# ------------------------------------------------------------------ module files


def test_module_files(tmp_path: Path) -> None:
    (tmp_path / "snmp.yml").write_text(
        "auths:\n  public_v2: {community: other, version: 2, security_level: noAuthNoPriv, auth_protocol: MD5, "
        "priv_protocol: DES}\n  lab: {community: labword, version: 1}\n  odd: {community: {a: b}}\n"
        "modules:\n  my_mib: {walk: [1.3.6.1.2.1.1]}\n"
    )
    text = """
snmp: {auths: {public_v2: {community: {env: C}}}}
devices: [{name: r, kind: router, address: a, snmp: {auth: lab, modules: [my_mib]}}]
multitarget:
  allow: [10.0.0.0/8, "fd00::/8", Switch1.example.org, 192.0.2.7]
  auths: [lab]
  modules: [snmp.yml, "none-*.yml"]
"""
    found = loaded(tmp_path, text, C="mine")
    assert found.module_files == (tmp_path / "snmp.yml",)
    networks = tuple(ip_network(text) for text in ("10.0.0.0/8", "fd00::/8", "192.0.2.7/32"))
    assert found.offer.permission == Permission(networks, frozenset({"switch1.example.org"}), frozenset({"lab"}))
    assert found.offer.auths == {"public_v2", "lab"}
    assert found.offer.modules >= {"my_mib", "if_mib", "system"}
    assert found.auths["public_v2"].community == "mine"
    assert (found.auths["lab"].community, found.auths["lab"].version) == ("labword", 1)
    assert "odd" not in found.auths
    told = "\n".join(map(str, found.warnings))
    assert "snmp.auths.public_v2: wins over the auth of the same name in" in told
    assert "auths.odd: is no auth in snmp_exporter's format" in told


def test_by_default_nothing_may_be_asked_on_demand(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").offer.permission == Permission()


def test_web_configuration_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("")
    assert loaded(tmp_path, "agent: {web_config: web.yml}").web_config == tmp_path / "web.yml"
    assert loaded(tmp_path, "").web_config is None


def test_probe_settings_that_are_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(
            tmp_path,
            "devices: [{name: a, kind: server, address: a, icmp: yes, snmp: [x]}]\n"
            "services: [{name: s, checks: [icmp]}]",
        )
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        ("devices[0].icmp", "expected a mapping (`key: value`), got text"),
        ("devices[0].snmp", "expected a mapping (`key: value`), got a list"),
        ("services[0].checks[0]", "expected a mapping such as {type: icmp, address: 10.20.2.5}"),
    ]


# ------------------------------------------------------------------ warnings


def test_nothing_is_measured(tmp_path: Path) -> None:
    found = loaded(tmp_path, "devices:\n  - {name: a, kind: printer}\n  - {name: b, kind: pdu, address: b}\n")
    assert warnings(found) == [
        "2: devices[0]: nothing of 'a' is measured",
        "3: devices[1]: nothing of 'b' is measured; `icmp: {}` pings it",
    ]


def test_likely_slips(tmp_path: Path) -> None:
    text = """
sites: [{name: a}, {name: b}]
circuits:
  - {name: c1, between: [a, b], far_end: 10.0.0.1, group: a-to-b-lines}
  - {name: c2, between: [a, b], far_end: 10.0.0.2, group: a-to-b-lines}
  - {name: c3, between: [a, b], far_end: 10.0.0.3, group: a-to-b-line}
devices:
  - {name: d, kind: swich, address: d, icmp: {}}
  - {name: e, kind: mainframe, address: e, icmp: {}}
hardware:
  ages: {sever: 5y, "*": 8y, mainframe: 20y, Laptop: 3y}
  lead: {routers: 2y}
"""
    assert warnings(loaded(tmp_path, text)) == [
        "6: circuits[2].group: the group 'a-to-b-line' has this circuit only; did you mean 'a-to-b-lines'?",
        "8: devices[0].kind: 'swich' is no usual kind; did you mean 'switch'?",
        "11: hardware.ages.sever: 'sever' is no usual kind; did you mean 'server'?",
        "12: hardware.lead.routers: 'routers' is no usual kind; did you mean 'router'?",
    ]


def test_two_circuits_that_ask_one_address(tmp_path: Path) -> None:
    text = """
sites: [{name: a}, {name: b}]
circuits:
  - {name: c1, between: [a, b], far_end: 10.0.0.1}
  - {name: c2, between: [a, b], far_end: 10.0.0.1}
  - {name: c3, between: [a, b], far_end: 10.0.0.1, icmp: {interface: eth2}}
"""
    (warning,) = loaded(tmp_path, text).warnings
    assert (warning.line, warning.path) == (5, "circuits[1].far_end")
    assert warning.message.startswith("10.0.0.1 is asked for 'c1' already")


# ------------------------------------------------------------------ size, threads, anything


def test_thousands_of_errors_take_no_minutes(tmp_path: Path) -> None:
    devices = "".join(
        f"  - {{name: sw-{n:05}, kind: switch, adress: a, icmp: {{}}, depends_on: [sx-{n:05}]}}\n" for n in range(3000)
    )
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"devices:\n{devices}")
    assert time.process_time() - began < 15  # about 1.5 s
    assert len(caught.value.problems) == 9000
    assert "did you mean 'sw-00000'?" in str(caught.value)


async def test_loads_in_a_thread(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("sites: [{name: a}]")
    found = await asyncio.gather(*(asyncio.to_thread(load, file) for _ in range(4)))
    assert {one.estate.targets.keys() == {"a"} for one in found} == {True}


def test_five_thousand_devices(tmp_path: Path) -> None:
    devices = "".join(
        f"  - name: sw{n}\n    kind: switch\n    site: s{n % 50}\n    address: 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n"
        f"    icmp: {{interval: 10s}}\n    snmp: {{auth: a, modules: [system, if_mib], interval: 60s}}\n"
        for n in range(5000)
    )
    sites = "".join(f"  - {{name: s{n}}}\n" for n in range(50))
    circuits = "".join(f"  - {{name: c{n}, between: [s{n}, s{n // 2}], far_end: 10.99.0.{n}}}\n" for n in range(1, 50))
    rows = "".join(f"sw{n},SN{n},01/03/20{n % 20:02}\n" for n in range(5000))
    (tmp_path / "assets.csv").write_text("Hostname,Serial No,Purchased\n" + rows)
    began = time.process_time()
    found = loaded(
        tmp_path,
        f"agent: {{site: s0}}\ninventory: [assets.csv]\nsnmp: {{auths: {{a: {{community: {{env: C}}}}}}}}\n"
        f"sites:\n{sites}circuits:\n{circuits}devices:\n{devices}",
        C="x",
    )
    assert time.process_time() - began < 12  # about 2.5 s; the limit is for a busy machine
    assert sum(target.role is Role.DEVICE for target in found.estate.targets.values()) == 5000
    assert found.estate.targets["sw4999"].info["serial"] == "SN4999"
    assert found.warnings == ()


_KEYS = st.sampled_from([
    "agent", "name", "site", "sites", "owners", "owner", "snmp", "auths", "community", "password", "version",
    "circuits",
    "between", "ends", "far_end", "icmp", "interval", "group", "devices", "kind", "address", "depends_on", "services",
    "checks", "type", "needs", "page", "ageing", "policy", "inventory", "columns", "multitarget", "modules", "allow",
    "contract", "cost", "objective", "rtt", "capacity", "host", "purchased", "listen", "web_config", "nonsense",
])  # fmt: skip
_WORDS = st.one_of(
    st.sampled_from(["a", "b", "icmp", "tcp", "10.0.0.1", "1s", "99%", "2012-03-01", "now", "switch", "1e999", ".nan"]),
    st.text(alphabet=st.characters(exclude_characters="*/?["), max_size=8),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
)
_VALUES = st.recursive(
    _WORDS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(_KEYS, _WORDS), inner, max_size=4)),
    max_leaves=25,
)
_TOP = st.dictionaries(
    st.sampled_from(["agent", "owners", "snmp", "sites", "circuits", "devices", "services", "ageing", "inventory",
                     "multitarget", "include", "x"]),
    st.one_of(_VALUES, st.lists(st.dictionaries(_KEYS, _VALUES, max_size=8), max_size=3)),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_TOP)
def test_whatever_is_written_only_config_errors_come(tmp_path: Path, value: object) -> None:
    import yaml

    check_any(tmp_path, yaml.safe_dump(value, allow_unicode=True).encode("utf-8", errors="replace"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=60), st.text(alphabet="{}[]:,&*!|>-?#%@`'\"ab \n\t<~", max_size=60)))
def test_whatever_octets_stand_there_only_config_errors_come(tmp_path: Path, data: bytes | str) -> None:
    check_any(tmp_path, data if isinstance(data, bytes) else data.encode())


def check_any(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "any.yaml"
    file.write_bytes(data)
    try:
        load(file, environ={})
    except ConfigError as error:
        if not error.problems or not all(problem.message for problem in error.problems):
            pytest.fail("an error that says nothing")


# ------------------------------------------------------------------ Alertmanagers


def test_alertmanagers(tmp_path: Path) -> None:
    make_certificate(tmp_path, "am")
    text = """
alertmanagers:
  - http://127.0.0.1:9093/
  - url: https://am.example/prefix
    basic_auth: {username: ops, password: {env: AM}}
    tls: {ca_file: am.pem, cert_file: am.pem, key_file: am.key, server_name: other.example}
    timeout: 2s
  - {url: "https://am2.example", authorization: {credentials: {env: AM}}}
  - {url: "https://am3.example", tls: {insecure_skip_verify: true}, authorization: {type: Own, credentials: {env: AM}}}
"""
    found = loaded(tmp_path, text, AM="hunter2")
    assert found.alertmanagers == (
        Alertmanager("http://127.0.0.1:9093"),
        Alertmanager(
            "https://am.example/prefix", 2.0, "Basic b3BzOmh1bnRlcjI=", tmp_path / "am.pem", tmp_path / "am.pem",
            tmp_path / "am.key", "other.example",
        ),
        Alertmanager("https://am2.example", authorization="Bearer hunter2"),
        Alertmanager("https://am3.example", authorization="Own hunter2", verify=False),
    )  # fmt: skip
    (warning,) = warnings(found)
    assert warning.startswith(
        "9: alertmanagers[3].tls.insecure_skip_verify: no certificate is checked: whoever answers"
    )
    assert "hunter2" not in repr(found)


def test_one_alertmanager_may_stand_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "alertmanagers: http://am:9093").alertmanagers == (Alertmanager("http://am:9093"),)
    assert loaded(tmp_path, "agent: {name: a}").alertmanagers == ()


@pytest.mark.parametrize(
    ("source", "environ", "message"),
    [
        ("{env: AM}", {}, "the secret's environment variable AM is not set"),
        ("{env: AM}", {"AM": "two\nlines"}, "holds a line break"),
        ("{credential: am}", {}, r"no \$CREDENTIALS_DIRECTORY"),
    ],
)
def test_an_alertmanager_whose_secret_is_missing_is_not_told_without_it(
    tmp_path: Path, source: str, environ: dict[str, str], message: str
) -> None:
    text = f"alertmanagers: [{{url: 'https://am', authorization: {{credentials: {source}}}}}]"
    found = loaded(tmp_path, text, strict=False, **environ)
    (one,) = found.alertmanagers
    assert re.search(message, one.problem or "")
    assert one.authorization == ""
    assert re.search(rf"alertmanagers\[0\]\.authorization\.credentials: .*{message}", warnings(found)[0])
    with pytest.raises(ConfigError, match=message):
        load(found.file, strict=True, environ=environ)


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://127.0.0.1:9093", False), ("http://localhost", False), ("http://[::1]:9093", False), ("http://am", True),
     ("http://10.0.0.5", True), ("https://am", False)],
)  # fmt: skip
def test_a_password_that_is_sent_in_the_clear_is_warned_of(tmp_path: Path, url: str, *, warned: bool) -> None:
    text = f"alertmanagers: [{{url: '{url}', basic_auth: {{username: a, password: {{env: AM}}}}}}]"
    assert any("in the clear" in line for line in warnings(loaded(tmp_path, text, AM="x"))) is warned
