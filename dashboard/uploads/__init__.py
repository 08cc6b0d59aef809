"""Images that people send to the dashboard."""
