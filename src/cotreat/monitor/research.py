"""The research view of one person: forecast and what-if, which are not validated for individuals."""

from __future__ import annotations

from typing import Any

from cotreat.monitor.follow import Filter, Track
from cotreat.monitor.forecast import OneWeekAhead, fan
from cotreat.monitor.whatif import what_if


def follow_with_forecasts(run: Filter) -> tuple[Track, OneWeekAhead]:
    """Takes every day of a filter, with the forecast of one week ahead made on each."""
    ahead = OneWeekAhead(run)
    return run.run(ahead), ahead


def research_view(run: Filter, ahead: OneWeekAhead) -> dict[str, Any]:
    """Forecast fan, the record of forecasts one week ahead, and what-if."""
    return {"forecast": fan(run, ahead), "one_week_ahead": ahead.summary(), "what_if": what_if(run)}
