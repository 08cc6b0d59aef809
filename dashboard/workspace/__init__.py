"""What a running dashboard works with, and what the page is told of it. Knows no web framework."""
