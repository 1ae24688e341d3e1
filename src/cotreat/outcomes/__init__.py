"""Visits, dropout, analysis sets, endpoints: arrays in, numbers out."""
