# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, strategies as st
from lxml import etree

from odoo.addons.logistics_canonical.core.readers import Limits, ReadError
from odoo.addons.logistics_canonical.core.soap import (
    Soap,
    SoapError,
    SoapFault,
    as_list,
    as_parts,
    load_soap,
)

NS = "urn:example:depot"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"

WSDL = """<?xml version="1.0" encoding="utf-8"?>
{before}<wsdl:definitions name="Depot" targetNamespace="urn:example:depot"
    xmlns:tns="urn:example:depot" xmlns:soap="{soap}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types><xs:schema targetNamespace="urn:example:depot">
    {schema}
    <xs:complexType name="line"><xs:sequence>
      <xs:element name="sku" type="xs:string"/>
      <xs:element name="quantity" type="xs:int" minOccurs="0"/>
    </xs:sequence></xs:complexType>
    <xs:element name="store"><xs:complexType><xs:sequence>
      <xs:element name="account" type="xs:string"/>
      <xs:element name="line" type="tns:line" minOccurs="0" maxOccurs="unbounded"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="storeResponse"><xs:complexType><xs:sequence>
      <xs:element name="place" type="xs:string"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:schema></wsdl:types>
  <wsdl:message name="in"><wsdl:part name="p" element="tns:store"/></wsdl:message>
  <wsdl:message name="out">
    <wsdl:part name="p" element="tns:storeResponse"/>
  </wsdl:message>
  <wsdl:portType name="Depot"><wsdl:operation name="store">
    <wsdl:input message="tns:in"/><wsdl:output message="tns:out"/>
  </wsdl:operation></wsdl:portType>
  <wsdl:binding name="DepotSoap" type="tns:Depot">
    <soap:binding style="document"
        transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="store"><soap:operation soapAction="urn:store"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="Depot"><wsdl:port name="DepotPort" binding="tns:DepotSoap">
    <soap:address location="https://depot.example/soap"/>
  </wsdl:port></wsdl:service>
</wsdl:definitions>
"""
BINDING = {
    SOAP_11: "http://schemas.xmlsoap.org/wsdl/soap/",
    SOAP_12: "http://schemas.xmlsoap.org/wsdl/soap12/",
}


def write(folder, soap=SOAP_11, before="", schema=""):
    path = folder / "depot.wsdl"
    text = WSDL.format(soap=BINDING[soap], before=before, schema=schema)
    path.write_text(text, encoding="utf-8")
    return path


def answer(inner, soap=SOAP_11):
    return (
        f'<s:Envelope xmlns:s="{soap}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()
    )


@pytest.fixture(scope="module")
def depot(tmp_path_factory):
    return Soap(write(tmp_path_factory.mktemp("wsdl")))


def test_a_message_is_built(depot):
    lines = [{"sku": "A & B", "quantity": 2}, {"sku": "C"}]
    body, headers = depot.envelope("store", account="{credential:login}", line=lines)
    assert headers == {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"urn:store"',
    }
    root = etree.fromstring(body)
    assert root.tag == f"{{{SOAP_11}}}Envelope"
    (message,) = root.find(f"{{{SOAP_11}}}Body")
    assert message.tag == f"{{{NS}}}store"
    assert [sku.text for sku in message.iter("sku")] == ["A & B", "C"]
    # The place for a credential survives, to be filled when it leaves.
    assert b"<account>{credential:login}</account>" in body


def test_soap_12_has_its_own_headers(tmp_path):
    body, headers = Soap(write(tmp_path, SOAP_12)).envelope("store", account="1")
    assert headers == {
        "Content-Type": 'application/soap+xml; charset=utf-8; action="urn:store"'
    }
    assert etree.fromstring(body).tag == f"{{{SOAP_12}}}Envelope"


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("burn", {}),
        ("store", {"acount": "1"}),
        ("store", {"account": "1", "line": [{"name": "A"}]}),
        ("store", {"account": "a\x00b"}),
        ("store", {}),
    ],
)
def test_what_the_wsdl_does_not_know_is_refused(depot, operation, values):
    with pytest.raises(SoapError):
        depot.envelope(operation, **values)


def test_an_answer_is_read_whatever_was_added_to_it(depot):
    body = answer(
        f'<r:storeResponse xmlns:r="{NS}" xmlns:i="http://www.w3.org/2001/XMLSchema-'
        'instance"><new>1</new><place> R1 </place><bin><no>1</no></bin>'
        '<bin><no>2</no></bin><none i:nil="true"/><empty/></r:storeResponse>'
    )
    assert depot.read("store", body) == {
        "new": "1",
        "place": "R1",
        "bin": [{"no": "1"}, {"no": "2"}],
        "none": None,
        "empty": "",
    }
    # Without its namespace it is the answer still.
    assert depot.read("store", answer("<storeResponse/>")) == {}


def test_a_fault_is_raised(depot):
    with pytest.raises(SoapFault) as caught:
        depot.read(
            "store",
            answer(
                "<s:Fault><faultcode>s:Client.Login</faultcode><faultstring>No such "
                "account</faultstring><detail><why>7</why></detail></s:Fault>"
            ),
        )
    fault = caught.value
    assert (fault.code, fault.text, fault.is_ours) == (
        "Client.Login",
        "No such account",
        True,
    )
    assert fault.detail == {"why": "7"}
    with pytest.raises(SoapFault) as caught:
        depot.read(
            "store", answer("<s:Fault><faultcode>s:Server</faultcode></s:Fault>")
        )
    assert not caught.value.is_ours


def test_a_fault_of_soap_12_is_raised(depot):
    with pytest.raises(SoapFault) as caught:
        depot.read(
            "store",
            answer(
                "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>x:42"
                "</s:Value></s:Subcode></s:Code><s:Reason><s:Text>Too heavy</s:Text>"
                "<s:Text>Zu schwer</s:Text></s:Reason></s:Fault>",
                SOAP_12,
            ),
        )
    fault = caught.value
    assert (fault.code, fault.text, fault.is_ours) == ("42", "Too heavy", True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html><body>Maintenance</body></html>", "soap"),
        (answer("<burnResponse/>"), "soap"),
        (answer(""), "soap"),
        (b"not xml", "xml"),
        (
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + answer("<storeResponse>&b;"),
            "doctype",
        ),
        (answer("<storeResponse><a>" + "<b/>" * 100 + "</a></storeResponse>"), "size"),
    ],
)
def test_what_is_no_answer_is_refused(depot, body, code):
    with pytest.raises(ReadError) as caught:
        depot.read("store", body, Limits(max_items=50))
    assert caught.value.code == code


@given(body=st.binary(max_size=200))
def test_hostile_answers_raise_nothing_else(depot, body):
    envelope = answer("<storeResponse><a>1</a><b><c/></b></storeResponse>")
    for text in (body, envelope[: len(body)] + body, body.join([envelope, envelope])):
        try:
            depot.read("store", text)
        except (ReadError, SoapFault):
            pass


@pytest.mark.parametrize(
    "location",
    ["https://evil.example/a.xsd", "file:///etc/passwd", "/etc/passwd", "../a.xsd"],
)
def test_nothing_is_fetched(tmp_path, monkeypatch, location):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (tmp_path / "a.xsd").write_text("<a/>", encoding="utf-8")
    folder = tmp_path / "inside"
    folder.mkdir()
    wanted = f'<xs:import namespace="urn:x" schemaLocation="{location}"/>'
    # zeep refuses some of them before it asks for them.
    with pytest.raises(SoapError, match="not beside it|ExternalReferenceForbidden"):
        Soap(write(folder, schema=wanted))


def test_a_wsdl_with_entities_is_refused(tmp_path):
    with pytest.raises(SoapError):
        Soap(write(tmp_path, before="<!DOCTYPE a [<!ENTITY b 'c'>]>"))
    with pytest.raises(SoapError):
        Soap(tmp_path / "none.wsdl")


def test_a_wsdl_is_read_once_and_used_by_many(tmp_path):
    path = write(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _n: load_soap(path), range(16)))
        bodies = list(
            pool.map(
                lambda n: load_soap(path).envelope("store", account=str(n))[0],
                range(64),
            )
        )
    assert len({id(soap) for soap in loaded}) == 1
    for n, body in enumerate(bodies):
        assert f"<account>{n}</account>".encode() in body


def test_what_may_stand_once_or_often():
    assert as_list(None) == as_list("") == as_list([]) == []
    assert as_list({"a": "1"}) == [{"a": "1"}]
    assert as_parts(["x", {"a": "1"}, None]) == [{"a": "1"}]
