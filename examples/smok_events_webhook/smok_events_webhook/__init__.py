"""Tells an HTTP server of every event at once: the role events, for smok-core."""

from smok_events_webhook.plugin import WebhookOptions as WebhookOptions

__version__ = "0.1.0"
