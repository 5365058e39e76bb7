"""When the clinic is told about its vials."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class StockRules:
    """Defaults of the stock page: a product's own low level is set beside it."""

    starts_on: date
    expiring_within_days: int
    low_vials: int
    source: str
