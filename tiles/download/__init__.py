"""Files over HTTPS, and the Sen1Floods11 data set by them."""
