"""Hypothesis state machines: random histories against a model that is a plain dict."""
