# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Encryption of credentials with a key that isn't in the database."""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

ADVICE = (
    "Set logistics_secret_key in odoo.conf, or LOGISTICS_SECRET_KEY in the "
    "environment, to a key made with: python3 -c 'from cryptography.fernet import "
    "Fernet; print(Fernet.generate_key().decode())'"
)


_KEY_CHANGED = (
    "A stored credential can't be decrypted: the server's key has changed. Put the "
    "former key after the new one, separated by a comma, or set the credential anew."
)


class VaultError(Exception):
    """Nothing can be encrypted or decrypted; the text says what to do."""


class Vault:
    """Encrypts with the first key, decrypts with any of them.

    :param keys: Fernet keys, or text with keys separated by commas; to change
        the key put the new one first
    :raise VaultError: when there is no usable key
    """

    def __init__(self, keys: Sequence[str] | str):
        if isinstance(keys, str):
            keys = [keys]
        keys = [key.strip() for text in keys for key in text.split(",")]
        keys = [key for key in keys if key]
        if not keys:
            raise VaultError(f"No key for the credentials is configured. {ADVICE}")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise VaultError(
                f"The key for the credentials is malformed. {ADVICE}"
            ) from error
        # A key of its own, so that a fingerprint tells nothing about a token.
        self._fingerprint_key = hashlib.sha256(
            b"fingerprint|" + keys[0].encode()
        ).digest()

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted; never the same twice."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the clear text of a token.

        :raise VaultError: when none of the keys made it
        """
        return self._open(self._fernet.decrypt, token)

    def rotate(self, token: str) -> str:
        """Return the token encrypted anew with the first key.

        :raise VaultError: when none of the keys made it
        """
        return self._open(self._fernet.rotate, token)

    @staticmethod
    def _open(operation, token):
        try:
            return operation(token.encode()).decode()
        except InvalidToken as error:
            raise VaultError(_KEY_CHANGED) from error

    def fingerprint(self, text: str) -> str:
        """Return eight hex digits that tell two values apart.

        They depend on the first key, so that nobody without it can try values.
        """
        return hmac.new(
            self._fingerprint_key, text.encode(), hashlib.sha256
        ).hexdigest()[:8]
