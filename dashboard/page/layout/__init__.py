"""The screen: a header, a full-height map with its layer strip, a panel beside it."""
