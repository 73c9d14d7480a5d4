"""Parcels on their way: a domain of its own, recorded and replayed with orders_es."""

from courier.domain import (
    PARCELS,
    HandIn,
    Parcel,
    ParcelHandedIn,
    ParcelMissed,
    ParcelScanned,
    ParcelSearched,
    ReportMissing,
    Scan,
    Search,
)

__all__ = [
    "PARCELS",
    "HandIn",
    "Parcel",
    "ParcelHandedIn",
    "ParcelMissed",
    "ParcelScanned",
    "ParcelSearched",
    "ReportMissing",
    "Scan",
    "Search",
]
