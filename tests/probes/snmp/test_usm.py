"""Keys and ciphers of SNMPv3 against the figures of the RFCs, and against pysnmp for what has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp.usm import (
    AUTH_PROTOCOLS,
    PRIV_PROTOCOLS,
    DecryptionError,
    Keys,
    Privacy,
    User,
    localised_key,
    master_key,
    privacy_key,
)

ENGINE = bytes.fromhex("000000000000000000000002")
USM = (1, 3, 6, 1, 6, 3, 10, 1, 1)  # snmpAuthProtocols; the protocols' numbers are those of the RFCs


@pytest.mark.parametrize(
    ("protocol", "master", "localised"),
    [  # RFC 3414 A.3.1 and A.3.2
        ("MD5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        ("SHA", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_keys_are_those_of_rfc_3414(protocol: str, master: str, localised: str) -> None:
    assert master_key(protocol, b"maplesyrup").hex() == master
    assert localised_key(protocol, b"maplesyrup", ENGINE).hex() == localised


@pytest.mark.parametrize("auth", AUTH_PROTOCOLS)
@pytest.mark.parametrize("priv", PRIV_PROTOCOLS)
def test_keys_are_those_of_pysnmp(auth: str, priv: str) -> None:
    import pysnmp.entity.engine  # noqa: F401 - the modules below import one another in a circle without it
    from pyasn1.type.univ import OctetString
    from pysnmp.proto.secmod.eso.priv import aes192, aes256
    from pysnmp.proto.secmod.rfc3414.auth import hmacmd5, hmacsha
    from pysnmp.proto.secmod.rfc3414.priv import des
    from pysnmp.proto.secmod.rfc3826.priv import aes
    from pysnmp.proto.secmod.rfc7860.auth import hmacsha2

    number, engine = (*USM, 2 + AUTH_PROTOCOLS.index(auth)), OctetString(ENGINE)
    service = {"MD5": hmacmd5.HmacMd5, "SHA": hmacsha.HmacSha}.get(auth, lambda: hmacsha2.HmacSha2(number))()
    cipher = {
        "DES": des.Des, "AES": aes.Aes, "AES192": aes192.AesBlumenthal192, "AES192C": aes192.Aes192,
        "AES256": aes256.AesBlumenthal256, "AES256C": aes256.Aes256,
    }[priv]()  # fmt: skip
    master = service.hash_passphrase(b"maplesyrup")
    assert localised_key(auth, b"maplesyrup", ENGINE) == bytes(service.localize_key(master, engine))
    master = cipher.hash_passphrase(number, b"privatesyrup")
    assert privacy_key(auth, priv, b"privatesyrup", ENGINE) == bytes(cipher.localize_key(number, master, engine))


@pytest.mark.parametrize("protocol", PRIV_PROTOCOLS)
@given(st.binary(max_size=200), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_what_was_encrypted_comes_back(protocol: str, octets: bytes, boots: int, time: int) -> None:
    privacy = Privacy(protocol, privacy_key("SHA512", protocol, b"privatesyrup", ENGINE))
    encrypted, salt = privacy.encrypt(octets, boots, time)
    again, other_salt = privacy.encrypt(octets, boots, time)
    assert salt != other_salt
    assert encrypted != again or len(octets) < 2
    assert privacy.decrypt(encrypted, salt, boots, time)[: len(octets)] == octets


def test_what_cannot_have_been_encrypted_is_refused() -> None:
    privacy = Privacy("DES", privacy_key("MD5", "DES", b"privatesyrup", ENGINE))
    with pytest.raises(DecryptionError, match="8 octets expected, got 3"):
        privacy.decrypt(bytes(16), b"abc", 0, 0)
    with pytest.raises(DecryptionError, match="multiple of 8 encrypted octets expected, got 15"):
        privacy.decrypt(bytes(15), bytes(8), 0, 0)


def test_nothing_secret_is_shown() -> None:
    user = User(b"ops", "SHA", b"authsecret", "AES", b"privsecret")
    assert "secret" not in repr(user)
    keys = user.keys(ENGINE)
    assert keys.auth_key.hex() not in repr(keys)
    assert repr(keys.auth_key) not in repr(keys)


def test_an_empty_password_makes_no_key() -> None:
    with pytest.raises(ValueError, match="at least one octet"):
        master_key("SHA", b"")


def test_levels_in_snmps_words() -> None:
    assert User(b"u").level == "noAuthNoPriv"
    assert User(b"u", "MD5", b"x").level == "authNoPriv"
    assert User(b"u", "MD5", b"x", "DES", b"x").level == "authPriv"
    assert User(b"u").keys(ENGINE) == Keys("", b"", None)
