"""The coded anatomy as a page with a picture of each map; `docs.make_reference` writes both."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import enthesis
from enthesis.charts.anatomy import MAPS
from enthesis.charts.body_map import MapPoint, body_map_svg
from enthesis.charts.pain_map import pain_map_svg
from enthesis.knowledge.kinds import Knowledge, Site
from enthesis.records import Side

STATIC = Path(enthesis.__file__).parent / "clinic/static/clinic"
INTRO = """
Every structure that a plan or a session can name, by region: what may be injected, and what to keep
away from. A picture shows the places of one side; the number is the row of the list beneath it, a
brown line or field is what to keep away from. The drawings are our own, simplified for pointing at
and not for measuring, and no clinician outside the project has reviewed them. “Most mL” is what the
program accepts at one place. To add or correct a place, edit `knowledge/tables/sites.csv` and
`site_positions.csv`; to add a map, add a module to `charts/anatomy/` and name it in its `MAPS`.
"""


def anatomy_page(known: Knowledge) -> str:
    """All regions with their pictures, places and landmarks."""
    parts = [
        INTRO.strip(),
        f"## Whole body\n\n{_pictures(list(_split('body', pain_map_svg({}, 'm'))))}",
    ]
    for region in dict.fromkeys(site.region for site in known.sites.values()):
        here = [site for site in known.sites.values() if site.region == region]
        targets = [site for site in here if site.role == "target"]
        away = [site for site in here if site.role != "target"]
        parts.append(f"## {_title(region)}\n\n{_pictures(_drawn(region, targets, known))}".rstrip())
        parts.append(
            _table(
                ["no.", "place", "id", "kind", "sides", "most mL", "warning", "source"],
                [_target(number, site) for number, site in enumerate(targets, 1)],
            )
        )
        if away:
            rows = [[s.name, f"`{s.id}`", s.kind, s.warning, s.source] for s in away]
            parts.append(_table(["keep away from", "id", "kind", "warning", "source"], rows))
    return "\n\n".join(parts) + "\n"


def _target(number: int, site: Site) -> list[object]:
    sides = "left, right" if site.paired else "midline"
    most = site.volume_ml_max or ""
    return [number, site.name, f"`{site.id}`", site.kind, sides, most, site.warning, site.source]


def anatomy_pictures(known: Knowledge) -> dict[str, str]:
    """File name to the SVG of every view, in the light colours of the program."""
    found = dict(_split("body", pain_map_svg({}, "m")))
    for region in {site.region for site in known.sites.values()}:
        targets = [s for s in known.sites.values() if s.region == region and s.role == "target"]
        found |= dict(_drawn(region, targets, known))
    style = f"<style>{_style()}</style>"
    return {name: _sized(svg).replace(">", f">{style}", 1) + "\n" for name, svg in found.items()}


def _sized(svg: str) -> str:
    """With a size of its own: a picture in a page has nothing else to take it from."""
    across, down = svg.split('viewBox="')[1].split('"')[0].split()[2:]
    return svg.replace("<svg ", f'<svg width="{across}" height="{down}" ', 1)


def _drawn(region: str, targets: Sequence[Site], known: Knowledge) -> list[tuple[str, str]]:
    """(file name, SVG) of the views of a region's map, of a left half and of a right limb."""
    if region not in MAPS:
        return []
    points = [
        MapPoint(n, float(at[0]), float(at[1]), "planned", site.name, side, view.id)
        for n, site in enumerate(targets, 1)
        for view in MAPS[region]
        for side in (Side.RIGHT if view.flips else Side.LEFT, Side.MIDLINE)
        if (at := known.site_positions.get((view.id, site.id, side.value)))
    ]
    return list(_split(region, body_map_svg(region, points, "m", side=Side.RIGHT)))


def _split(name: str, svg: str) -> Iterator[tuple[str, str]]:
    found = re.findall(r"<svg .*?</svg>", svg, re.DOTALL)
    for number, one in enumerate(found, 1):
        yield f"map-{name}-{number}.svg" if len(found) > 1 else f"map-{name}.svg", one


def _pictures(drawn: Sequence[tuple[str, str]]) -> str:
    titles = [re.search(r"<title[^>]*>(.*?)</title>", svg) for _, svg in drawn]
    return " ".join(
        f"![{title.group(1) if title else name}](../pictures/{name})"
        for (name, _), title in zip(drawn, titles, strict=True)
    )


def _style() -> str:
    """The rules of maps.css for pictures, with the light colours of enthesis.css in place."""
    light = (STATIC / "enthesis.css").read_text("utf-8").split("prefers-color-scheme", 1)[0]
    colours = dict(re.findall(r"--([a-z0-9-]+): ([^;]+);", light))
    sheet = (STATIC / "maps.css").read_text("utf-8") + (STATIC / "charts.css").read_text("utf-8")
    rules = re.findall(r"^  (\.maps?[ .](?!a:)[^{]*\{[^}]*\}|\.end \{.*\})$", sheet, re.MULTILINE)
    filled = re.sub(r"var\(--([a-z0-9-]+)\)", lambda m: colours[m.group(1)], "".join(rules))
    return "svg{background:" + colours["sheet"] + "}" + filled.replace('"', "'")


def _title(region: str) -> str:
    return region.replace("_", " ").capitalize()


def _table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in lines
    )
