"""The commands, a module a family. They import what they need when they run, so that --help is quick."""
