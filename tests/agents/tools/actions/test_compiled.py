"""What a storage keeps of a document, and the key that goes with a call."""

import json

import pytest

from legato.agents.tools.actions.compiled import MOST_BYTES, Compiled, compiled, kept
from legato.agents.tools.actions.credentials import NO_CREDENTIAL, credential_of
from legato.agents.tools.actions.document import InvalidDocument, Server, server_of
from tests.support.openapi import PETS

DOCUMENT = {**PETS, "servers": [{"url": "https://pets.example/v1"}]}


def test_operations_with_too_much_text_are_not_kept() -> None:
    made = compiled(json.dumps(DOCUMENT), "pets.example", allow_http=False)
    many = Compiled(made.server, made.operations * 2000)

    with pytest.raises(InvalidDocument, match=f"{MOST_BYTES} are allowed"):
        kept(many)


def test_a_credential_shows_the_names_of_its_headers_alone() -> None:
    credential = credential_of("bearer", "secret", "")

    assert repr(credential) == "Credential(Authorization)"
    assert credential_of("none", "", "") is NO_CREDENTIAL
    assert NO_CREDENTIAL.hide("text") == "text"


@pytest.mark.parametrize("domain", ["pets.example:x", "other.example"])
def test_a_document_of_another_place_is_refused(domain: str) -> None:
    with pytest.raises(InvalidDocument, match="allowed: "):
        server_of(DOCUMENT, domain, allow_http=False)


def test_a_port_may_be_named() -> None:
    document = {**PETS, "servers": [{"url": "https://8.8.8.8:8443/v1/"}]}
    found = server_of(document, "8.8.8.8:8443", allow_http=False)

    assert found == Server("https", "8.8.8.8", 8443, "/v1")
