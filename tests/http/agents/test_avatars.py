"""The pictures of agents."""

import pytest

from legato.http.agents.images import Image, NoImage, image_of
from tests.support.http.agents import FORBIDDEN, made, patched, sent
from tests.support.http.client import Client
from tests.support.http.pictures import PNG, PNG_HEAD, jpeg, png, webp


async def test_a_picture_comes_back_as_it_was_sent(ann: Client, bob: Client) -> None:
    agent = await made(ann)
    reply = await sent(ann, agent["id"], PNG)
    path = reply.body["avatar"]["filepath"]
    got = await ann.get(path)

    assert (reply.status, reply.body["avatar"]["source"]) == (201, "local")
    assert (got.status, got.headers["content-type"]) == (200, "image/png")
    assert got.text == PNG.decode(errors="replace")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    again = await ann.get(path, **{"If-None-Match": got.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert (await bob.get(path)).body == FORBIDDEN
    (listed,) = [
        each for each in (await ann.get("/api/agents")).body["data"] if each["id"] == agent["id"]
    ]
    assert listed["avatar"] == reply.body["avatar"]


async def test_a_picture_is_replaced_and_removed(ann: Client) -> None:
    agent = await made(ann)
    first = (await sent(ann, agent["id"], PNG)).body["avatar"]["filepath"]
    second = (await sent(ann, agent["id"], jpeg(2, 2))).body["avatar"]["filepath"]
    removed = await patched(ann, agent["id"], avatar=None)

    assert first != second
    assert (removed["avatar"], removed["version"]) == (None, 1)
    assert (await ann.get(second)).status == 404


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(4096, 1), "png"),
        (jpeg(640, 480), "jpeg"),
        (jpeg(640, 480, 0xC2), "jpeg"),
        (webp(640, 480), "webp"),
        (webp(640, 480, b"VP8 "), "webp"),
        (webp(640, 480, b"VP8L"), "webp"),
    ],
)
def test_a_picture_is_known_by_its_content(data: bytes, kind: str) -> None:
    image = image_of(data)

    assert image.media_type == f"image/{kind}"
    assert image in (
        Image("image/png", 4096, 1),
        Image(image.media_type, 640, 480),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + bytes(40),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        PNG_HEAD,
        png(4097, 1),
        png(2**31, 2**31),
        png(0, 5),
        jpeg(65535, 65535),
        jpeg(5, 5)[:24],
        b"\xff\xd8\xff\xe0\0\0" + bytes(40),
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8" + b"\xff\xe0\0\2" * 2000 + jpeg(5, 5)[2:],
        webp(2**24, 2**24),
        webp(16384, 1, b"VP8L"),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(40),
        b"RIFF\0\0\0\0WEBPALPH" + bytes(40),
    ],
)
def test_what_is_no_picture_or_too_large_a_one_is_refused(data: bytes) -> None:
    with pytest.raises(NoImage):
        image_of(data)


async def test_refusals_name_the_field(ann: Client) -> None:
    agent = await made(ann)
    path = f"/api/files/images/agents/{agent['id']}/avatar"
    bomb = await sent(ann, agent["id"], png(100_000, 100_000))
    large = await sent(ann, agent["id"], PNG + bytes(2 * 1024 * 1024))
    elsewhere = await sent(ann, agent["id"], PNG, field="picture")
    json = await ann.post(path, {"file": "x"})

    assert (bomb.status, bomb.body["param"]) == (400, "file")
    assert "found 100000 x 100000 pixels" in bomb.body["message"]
    assert (large.status, large.body["param"]) == (413, "file")
    assert (elsewhere.status, elsewhere.body["param"]) == (400, "file")
    assert json.status == 415
    assert (await ann.get(f"/api/agents/{agent['id']}")).body["avatar"] is None
