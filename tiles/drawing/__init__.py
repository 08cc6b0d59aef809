"""From chips to pictures: layers, tiles and thumbnails, and their service."""
