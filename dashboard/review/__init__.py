"""What the review workbench asks the server for: thumbnails, models of the store, disagreement, statistics of chips."""
