# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""SOAP messages as pure functions (SOAP 1.1 and 1.2, document/literal).

A WSDL that is part of an addon says what an operation's message looks like; it is
read from disk once. Nothing is ever fetched: an import of something that lies
elsewhere is refused. Sending is the transport's, and so is WS-Security.
"""

import os
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.settings import Settings
from zeep.wsdl import Document

from .readers import Limits, ReadError, read

_ENVELOPES = {
    "http://schemas.xmlsoap.org/soap/envelope/": "1.1",
    "http://www.w3.org/2003/05/soap-envelope": "1.2",
}
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class SoapError(ValueError):
    """A WSDL that can't be used, or values an operation doesn't take."""


class SoapFault(ValueError):
    """The partner answered with a SOAP fault.

    :ivar code: the fault code without its prefix; of SOAP 1.2 the innermost subcode
    :ivar text: what the partner says for people
    :ivar detail: the fault's detail, as :meth:`Soap.read` gives an answer
    :ivar is_ours: whether the partner blames the message (``Client``, ``Sender``)
        rather than itself; then nothing was done
    """

    def __init__(self, code: str, text: str, detail: Any = None, is_ours: bool = False):
        super().__init__(text or code)
        self.code = code
        self.text = text
        self.detail = detail
        self.is_ours = is_ours


class _Files:
    """Stands for zeep's transport: files beside the WSDL, and nothing else."""

    def __init__(self, folder: Path):
        self.folder = folder

    def load(self, url: str) -> bytes:
        path = Path(os.path.realpath(url))
        if "://" in url or self.folder not in path.parents:
            raise SoapError(f"The WSDL refers to {url!r}, which is not beside it.")
        return path.read_bytes()


class Soap:
    """The operations of a service, as a WSDL describes them.

    :param wsdl_path: a file of ours; with several services or ports the first
    :raise SoapError: when it is no WSDL, or refers to something elsewhere
    """

    def __init__(self, wsdl_path: str | Path):
        path = Path(os.path.realpath(wsdl_path))
        try:
            document = Document(
                str(path),
                _Files(path.parent),
                settings=Settings(
                    forbid_dtd=True, forbid_entities=True, forbid_external=True
                ),
            )
            service = next(iter(document.services.values()))
            self._binding = next(iter(service.ports.values())).binding
        except (ZeepError, OSError, etree.LxmlError, StopIteration) as error:
            raise SoapError(f"{path.name} can't be used: {error!r}") from error
        # zeep builds parts of its types when they are first used.
        self._lock = threading.Lock()

    def envelope(
        self, operation: str, /, **values: Any
    ) -> tuple[bytes, dict[str, str]]:
        """Return the message that asks for an operation, and its HTTP headers.

        :param values: by the names of the WSDL; mappings for what has parts, lists
            for what repeats; None is left out
        :raise SoapError: when there is no such operation, or it takes no such value
        """
        spoken = self._operation(operation)
        try:
            with self._lock:
                message = spoken.create(**values)
        except (ZeepError, TypeError, ValueError, AttributeError) as error:
            raise SoapError(f"{operation}: {error}") from error
        body = etree.tostring(
            message.content, xml_declaration=True, encoding="utf-8", pretty_print=False
        )
        action = spoken.soapaction or ""
        if self._version() == "1.2":
            kind = "application/soap+xml; charset=utf-8"
            return body, {
                "Content-Type": f'{kind}; action="{action}"' if action else kind
            }
        return body, {
            "Content-Type": "text/xml; charset=utf-8",
            # Quotation marks are part of it (SOAP 1.1, 6.1.1), of an empty one too.
            "SOAPAction": f'"{action}"',
        }

    def read(
        self, operation: str, body: bytes, limits: Limits | None = None
    ) -> dict[str, Any]:
        """Return what an answer says: the parts of the response element.

        An element gives its text, one with parts a dict, a repeated one a list; nil
        gives None. Names are those of the message, without namespaces. The WSDL
        tells which element is the answer and nothing else: partners add elements
        without notice, and an answer isn't worth less for it.

        :raise SoapFault: when it is a fault
        :raise ReadError: when it is no answer to that operation
        """
        return self.take(operation, read(body, "xml", limits or Limits()))

    def take(self, operation: str, root: etree._Element) -> dict[str, Any]:
        """Return what an answer that is read already says, as :meth:`read`."""
        wanted = etree.QName(self._operation(operation).output.body.qname)
        name = etree.QName(root)
        if name.localname != "Envelope" or name.namespace not in _ENVELOPES:
            raise ReadError("soap", f"It is no SOAP message but {name.localname!r}")
        bodies = root.findall(f"{{{name.namespace}}}Body")
        parts = [part for body in bodies for part in body]
        for part in parts:
            if etree.QName(part).localname == "Fault":
                raise _fault(part)
        for part in parts:
            # Some partners forget the namespace of their own answers.
            if etree.QName(part).localname == wanted.localname:
                value = _value(part)
                return value if isinstance(value, dict) else {}
        raise ReadError("soap", f"It is no {wanted.localname}")

    def _operation(self, name):
        try:
            return self._binding.get(name)
        except (KeyError, ValueError) as error:
            raise SoapError(f"The WSDL has no operation {name!r}.") from error

    def _version(self):
        return _ENVELOPES.get(self._binding.nsmap["soap-env"], "1.1")


_LOADING = threading.Lock()


def load_soap(wsdl_path: str | Path) -> Soap:
    """Return the :class:`Soap` of a WSDL, read once for each path.

    :raise SoapError: see :class:`Soap`
    """
    with _LOADING:
        return _load(str(wsdl_path))


@lru_cache(maxsize=32)
def _load(path):
    return Soap(path)


def as_list(value: Any) -> list:
    """Return what may stand once, several times or not at all as a list."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def as_parts(value: Any) -> list[Mapping[str, Any]]:
    """Return those of a value's entries that have parts (see :func:`as_list`)."""
    return [part for part in as_list(value) if isinstance(part, Mapping)]


def _value(element):
    if len(element) == 0:
        if element.get(_NIL) in ("true", "1"):
            return None
        return (element.text or "").strip()
    parts: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        value = _value(child)
        if name not in parts:
            parts[name] = value
        elif isinstance(parts[name], list):
            parts[name].append(value)
        else:
            parts[name] = [parts[name], value]
    return parts


def _fault(element):
    parts = _value(element)
    if not isinstance(parts, dict):
        return SoapFault("", str(parts or ""))
    if "Code" in parts:
        return _fault_12(parts)
    code = _text(parts.get("faultcode")).rpartition(":")[2]
    # Codes may be refined: Client.Authentication.
    ours = code.partition(".")[0] == "Client"
    return SoapFault(code, _text(parts.get("faultstring")), parts.get("detail"), ours)


def _fault_12(parts):
    codes, node = [], parts["Code"]
    while isinstance(node, Mapping):
        codes.append(_text(node.get("Value")).rpartition(":")[2])
        node = node.get("Subcode")
    reason = parts.get("Reason")
    text = reason.get("Text") if isinstance(reason, Mapping) else reason
    code = next(filter(None, reversed(codes)), "")
    return SoapFault(code, _text(text), parts.get("Detail"), codes[:1] == ["Sender"])


def _text(value):
    """Return a text; of several languages the first."""
    found = as_list(value)
    return str(found[0]) if found and not isinstance(found[0], Mapping) else ""
