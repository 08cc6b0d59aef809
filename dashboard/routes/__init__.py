"""Everything that the page asks for over HTTP beside its callbacks, and how the server is reached."""
