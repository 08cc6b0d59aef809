"""One module a layout of a data set; `known.py` says what each of them is, and lists them."""
