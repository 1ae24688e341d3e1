"""Planted worlds: does the verdict on timing claim what is there, and nothing that is not?"""
