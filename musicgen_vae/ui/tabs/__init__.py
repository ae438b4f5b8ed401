"""One module for each tab: its controls, and the events that call the handlers."""
