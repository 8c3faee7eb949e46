import pytest
from msgspec import structs

from legato.agents.tools.secret_keys import NoKey, SecretKeys, Unopenable

OLD, NEW = "o" * 32, "n" * 32


def test_a_sealed_secret_is_opened_for_its_record_only() -> None:
    keys = SecretKeys(NEW)
    sealed, again = keys.seal("hunter2", "a1"), keys.seal("hunter2", "a1")

    assert keys.open(sealed, "a1") == "hunter2"
    assert b"hunter2" not in sealed.data
    assert (sealed.key_id, sealed.data != again.data) == (keys.current_id, True)
    with pytest.raises(Unopenable):
        keys.open(sealed, "a2")


@pytest.mark.parametrize("data", [b"", b"x" * 11, b"x" * 40])
def test_what_was_never_sealed_is_not_opened(data: bytes) -> None:
    keys = SecretKeys(NEW)
    forged = structs.replace(keys.seal("hunter2", "a1"), data=data)
    with pytest.raises(Unopenable, match="not sealed with the encryption_key"):
        keys.open(forged, "a1")


def test_the_former_key_opens_and_seals_no_more() -> None:
    sealed = SecretKeys(OLD).seal("hunter2", "a1")
    both = SecretKeys(NEW, OLD)

    assert both.open(sealed, "a1") == "hunter2"
    assert both.seal("hunter2", "a1").key_id == SecretKeys(NEW).current_id != sealed.key_id
    with pytest.raises(Unopenable):
        SecretKeys(NEW).open(sealed, "a1")


def test_without_a_key_nothing_is_sealed() -> None:
    keys = SecretKeys(None)
    with pytest.raises(NoKey, match=r"encryption_key \(LEGATO_ENCRYPTION_KEY\)"):
        keys.seal("hunter2", "a1")
    with pytest.raises(NoKey):
        _ = keys.current_id


def test_the_id_of_a_key_tells_nothing_of_the_key() -> None:
    assert SecretKeys(NEW).current_id != SecretKeys(OLD).current_id
    assert "n" * 4 not in SecretKeys(NEW).current_id
