"""The tests. A package, so that no other package that brings a `tests` of its own is taken for this one."""
