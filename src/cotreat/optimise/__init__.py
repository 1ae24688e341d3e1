"""Timing, schedules, and the trial that would settle a question."""
