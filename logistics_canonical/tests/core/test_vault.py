# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

import pytest
from cryptography.fernet import Fernet

from odoo.addons.logistics_canonical.core.vault import Vault, VaultError

SECRET = 's3cret/+ "é"'


def key():
    return Fernet.generate_key().decode()


def test_what_is_stored_tells_nothing_and_comes_back():
    vault = Vault([key()])
    token = vault.encrypt(SECRET)
    assert vault.decrypt(token) == SECRET
    assert vault.encrypt(SECRET) != token, "equal secrets look different"
    for form in (token.encode(), base64.urlsafe_b64decode(token)):
        assert SECRET.encode() not in form
        assert base64.b64encode(SECRET.encode()) not in form
    assert vault.decrypt(vault.encrypt("")) == ""


def test_changing_the_key():
    old, new = key(), key()
    token = Vault([old]).encrypt(SECRET)
    assert Vault([new, old]).decrypt(token) == SECRET
    rotated = Vault([new, old]).rotate(token)
    assert Vault([new]).decrypt(rotated) == SECRET
    fresh = Vault([new, old]).encrypt(SECRET)
    assert Vault([new]).decrypt(fresh) == SECRET, "the first key encrypts"
    with pytest.raises(VaultError):
        Vault([old]).decrypt(fresh)


def test_keys_as_they_stand_in_a_configuration():
    old, new = key(), key()
    token = Vault(old).encrypt(SECRET)
    for keys in (f"{new}, {old}", [f"{new},{old}"], [new, old, ""], f" {new},,{old} "):
        assert Vault(keys).decrypt(token) == SECRET


def test_with_another_key_it_says_that_the_key_has_changed():
    token = Vault([key()]).encrypt(SECRET)
    for operation in ("decrypt", "rotate"):
        for text in (token, token[:-4], "", "no token", "é"):
            with pytest.raises(VaultError, match="key has changed") as caught:
                getattr(Vault([key()]), operation)(text)
            assert SECRET not in str(caught.value)


@pytest.mark.parametrize("keys", [[], [""], "", " , "])
def test_without_a_key_the_vault_says_what_to_do(keys):
    with pytest.raises(VaultError, match="No key .* odoo.conf.* LOGISTICS_SECRET_KEY"):
        Vault(keys)


@pytest.mark.parametrize("wrong", ["short", "é" * 44, "A" * 43, "!" * 44])
def test_a_malformed_key_is_told_and_not_shown(wrong):
    with pytest.raises(VaultError, match="malformed.*generate_key") as caught:
        Vault([key(), wrong])
    assert wrong not in str(caught.value)


def test_a_fingerprint_tells_values_apart_and_nothing_else():
    one, other = Vault([key()]), Vault([key()])
    assert one.fingerprint("a") == one.fingerprint("a")
    assert one.fingerprint("a") != one.fingerprint("b")
    assert one.fingerprint("a") != other.fingerprint("a"), "not without the key"
    assert len(one.fingerprint(SECRET * 100)) == 8
