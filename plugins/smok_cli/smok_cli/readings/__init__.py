"""Streams of readings that people bring: their formats, times and clocks, and how they are stored.

Nothing here knows the terminal; ``smok ingest`` says which file and shows how it went.
"""
