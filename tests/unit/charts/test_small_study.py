"""The funnel plot and the picture of a network."""

import xml.etree.ElementTree as ET
from html import unescape

import pytest

from enthesis.charts.network import NetworkPicture, network_picture_file, network_svg
from enthesis.charts.small_study import (
    FunnelPlot,
    FunnelStudy,
    funnel_file,
    funnel_plot,
    funnel_table,
)

FUNNEL = FunnelPlot(
    title="Precision against result",
    axis="MD",
    middle=-1,
    reach=1.96,
    studies=(FunnelStudy("A & B", -1.2, 0.2), FunnelStudy("C", 2.5, 0.6)),
)
NETWORK = NetworkPicture(
    title="What was compared",
    treatments=(("saline", 4), ("prolo <15 %>", 3), ("steroid", 2), ("exercise", 1)),
    comparisons=(("prolo <15 %>", "saline", 2), ("steroid", "saline", 2)),
)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_both_pictures_are_well_formed_named_and_without_styles(width: str) -> None:
    for drawn in (
        funnel_plot(FUNNEL, width, "f"),  # type: ignore[arg-type]
        network_svg(NETWORK, width, "n"),  # type: ignore[arg-type]
    ):
        root = ET.fromstring(drawn)  # noqa: S314 (our own text)
        assert root.attrib["role"] == "img" and "style=" not in drawn
        assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None


@pytest.mark.parametrize("is_ratio", [False, True])
def test_every_study_lies_within_the_funnel_plot(is_ratio: bool) -> None:
    data = FunnelPlot("t", "RR", -1, 1.96, FUNNEL.studies, is_ratio)
    root = ET.fromstring(funnel_plot(data, "wide", "f"))  # noqa: S314
    points = root.findall(f"{SVG}circle")
    assert [unescape(p[0].text or "") for p in points] == ["A & B", "C"]
    xs, ys = ([float(p.attrib[key]) for p in points] for key in ("cx", "cy"))
    assert all(64 <= x <= 716 for x in xs) and all(28 <= y <= 340 for y in ys)
    # The more precise study stands higher, the smaller result further left.
    assert ys[0] < ys[1] and xs[0] < xs[1]


def test_the_description_counts_what_lies_within_the_outline() -> None:
    assert "2 studies, 1 of them within the funnel around −1" in funnel_plot(FUNNEL, "wide", "f")
    assert funnel_table(FUNNEL)["rows"][1] == ["C", "2.5", "0.6"]


def test_a_comparison_is_as_thick_as_it_has_studies_up_to_a_limit() -> None:
    many = NetworkPicture("t", NETWORK.treatments, (("steroid", "saline", 40),))
    assert 'class="link-7"' in network_svg(many, "wide", "n")
    assert network_svg(NETWORK, "wide", "n").count('class="link-2"') == 2


def test_files_carry_their_own_rules() -> None:
    assert "<style>" in funnel_file(FUNNEL) and ".link-7" in network_picture_file(NETWORK)
