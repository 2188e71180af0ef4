"""The engine: how a network is asked. Private; it knows no verb."""
