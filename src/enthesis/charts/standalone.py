"""A chart as a file of its own, for a notebook and for paper: the rules for its classes inside it.

The light tokens of charts.css as plain colours: neither a notebook nor a page printer hands a
page's variables down into a picture. WeasyPrint knows neither `font` nor `paint-order` in one: its
letters would be as tall as the page, or white. A test holds the charts' classes against both.
"""

import re

STYLE = """
svg{background:#fff}
text{font-family:Paper,Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;font-size:13px;
  fill:#4A555F}
line,path{fill:none;stroke-width:1}
.strong,.axis-title{font-weight:700;fill:#1A232C}.end{text-anchor:end}.middle{text-anchor:middle}
.axis{stroke:#757C84}.grid{stroke:#D5D2C9}.error{stroke:#757C84}
.under{stroke:#fff;stroke-width:4;stroke-linejoin:round}
.heavy{stroke:#4A555F;stroke-width:2}
.given{stroke:#D5D2C9;stroke-dasharray:1 4}
.band{fill:#EBDCB9;stroke:none}.band-edge{stroke:#6E5212;stroke-opacity:.6}
.own{stroke:#0B5A66;stroke-width:3;stroke-linejoin:round}
.anyway{stroke:#6E5212;stroke-width:2;stroke-dasharray:8 4}
.lost{stroke:#0B5A66;stroke-width:2;stroke-dasharray:2 4}
.halted{stroke:#39434D;stroke-width:2.5;stroke-dasharray:10 3 2 3}
.target{stroke:#1A232C;stroke-width:2;stroke-dasharray:8 4}
.dot{fill:#0B5A66;stroke:#fff;stroke-width:2}
.dot.chosen{fill:#fff;stroke:#0B5A66;stroke-width:4}
.dot.baseline{fill:#fff;stroke:#0B5A66;stroke-width:2.5}
.alarmed{fill:#fff;stroke:#A4262C;stroke-width:3}
.limit-95{stroke:#1A232C;stroke-width:1.5;stroke-dasharray:2 3}.limit-998{stroke:#757C84}
.mark{fill:#1A232C}.flow-box{fill:#fff;stroke:#757C84}
.zone{fill:#ECEAE4}
.whisker{stroke:#1A232C;stroke-width:2}.whisker.shown{stroke-dasharray:2 3}
.study{fill:#1A232C}.study.shown{fill:#fff;stroke:#1A232C;stroke-width:2}
.diamond{fill:#0B5A66;stroke:none}.prediction{fill:#0B5A66;fill-opacity:.45}
.pool-line{stroke:#0B5A66;stroke-width:2;stroke-dasharray:3 3}
.bias circle{fill:#fff;stroke:#1A232C;stroke-width:1.5}.bias text{fill:#1A232C;font-weight:700}
.bias.high circle{fill:#1A232C}.bias.high text{fill:#fff}.bias.unread circle{stroke-dasharray:2 2}
"""


HALO = re.compile(r'<text ([^>]*class="[^"]*)(\bhalo\b[^"]*")([^>]*)>(.*?)</text>')


def standalone(svg: str, more: str = "") -> str:
    """The same picture with its rules inside, and `more` of its own, after its opening tag."""
    start = svg.index(">") + 1
    # Without `paint-order` a halo is the same words once more beneath, in a broad white line.
    body = HALO.sub(r"<text \1under \2\3>\4</text>\g<0>", svg[start:])
    return f"{svg[:start]}<style>{STYLE}{more}</style>{body}"
