"""The picture: every connection has its line, nothing covers anything else, and it is valid XML."""

import re
from itertools import combinations
from xml.etree import ElementTree

from conformant.model import Resource
from conformant.reach.answers import Answers
from conformant.reach.drawing import WIDTH, dot, svg
from conformant.reach.picture import Picture, lines, picture

from .platforms import namespace, platform, pod, policy

ALLOW_WEB = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]}


def drawn(*resources: Resource) -> Picture:
    return picture(Answers(platform(*resources)).connections())


def shop() -> Picture:
    pods = [pod(f"web-{number}", {"app": "web"}) for number in range(3)]
    closed = policy("db", podSelector={"matchLabels": {"app": "db"}}, policyTypes=["Ingress", "Egress"],
                    ingress=[ALLOW_WEB])  # fmt: skip
    return drawn(namespace("a"), *pods, pod("db", {"app": "db"}), closed, pod("b<&>", {}, namespace="b"))


def test_what_connects_alike_is_one_card() -> None:
    found = shop()
    assert ["web-0", "web-1", "web-2"] in [card.names for card in found.cards]
    [store] = [card for card in found.cards if card.names == ["db"]]
    assert [(pin.text, [source.names for source in pin.sources]) for pin in store.pins] == [
        ("5432", [["web-0", "web-1", "web-2"]])
    ]


def test_the_svg_is_valid_and_holds_every_line() -> None:
    found = shop()
    text = "".join(svg(found))
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert text.count("<title>") > len(list(lines(found)))
    assert "b&lt;&amp;&gt;" in text


def test_cards_do_not_overlap() -> None:
    found = shop()
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', "".join(svg(found)))
    assert size is not None
    for one, other in combinations(found.cards, 2):
        apart = abs(one.x - other.x) >= WIDTH
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    assert all(card.x + WIDTH <= int(size[1]) and card.y + card.height <= int(size[2]) for card in found.cards)


def test_the_flow_goes_to_the_right() -> None:
    found = drawn(
        namespace("a"), pod("web", {"app": "web"}), pod("db", {"app": "db"}),
        policy("all", policyTypes=["Ingress", "Egress"],
               egress=[{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}],
               ingress=[ALLOW_WEB]),
    )  # fmt: skip
    columns = {card.names[0]: card.column for card in found.cards}
    assert columns["web"] < columns["db"]


def test_dot_names_every_card() -> None:
    found = shop()
    text = "".join(dot(found))
    assert text.count("->") == len(list(lines(found)))
    assert text.startswith("digraph")
    assert text.count("{") == text.count("}")
