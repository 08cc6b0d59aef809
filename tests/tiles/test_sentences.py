"""Sentences carry their files: told by path, by name, or as their sender calls them, however they were put together.

Without this file a sentence that is made of another could lose its files, and send a path of the server to strangers.
"""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from tiles.decisions import Decision
from tiles.errors import ChipError, UnreadableFileError
from tiles.reading.labels import label_refusal
from tiles.reading.raster import read_info
from tiles.sentences import Sentence, join, named

PATH = "/srv/a {file} folder/x.tif"
CUT = Sentence("{file} is cut off: copy it again.", file=PATH)


def test_a_sentence_is_its_text_and_calls_its_file_as_it_is_asked() -> None:
    assert f"{PATH} is cut off: copy it again." == CUT
    assert named(CUT) == "x.tif is cut off: copy it again."
    assert CUT.calling(lambda path: {PATH: "my lake.tif"}[path]) == "my lake.tif is cut off: copy it again."


def test_an_error_keeps_the_files_of_its_sentence() -> None:
    error = UnreadableFileError("{file} is empty.", file=Path(PATH))
    assert (str(error), named(str(error))) == (f"{PATH} is empty.", "x.tif is empty.")
    again = ChipError(str(error))
    assert named(str(again)) == "x.tif is empty."
    assert named(str(pickle.loads(pickle.dumps(again)))) == "x.tif is empty."


def test_sentences_that_are_made_of_others_keep_their_files() -> None:
    refused = Sentence("The label is not used: {why}", why=CUT)
    assert named(refused) == "The label is not used: x.tif is cut off: copy it again."
    assert named(join([refused, "Nothing else."])) == f"{named(refused)} Nothing else."
    assert named(refused.bare()) == "The label is not used: x.tif is cut off: copy it again"
    assert named(refused.bare("The label is not used: ")) == "x.tif is cut off: copy it again"
    decision = Decision("truth", refused.bare(), "values", told=True)
    assert named(decision.sentence()) == f"{named(refused).removesuffix('.')} (by its values)."
    assert copy.deepcopy(refused).calling(lambda _: "y") == "The label is not used: y is cut off: copy it again."


def test_two_files_of_one_sentence_are_told_apart() -> None:
    both = Sentence("{one} is larger than {two}.", one="/a/x.tif", two="/b/y.tif")
    assert named({"told": [both, (both, 1)]}) == {
        "told": ["x.tif is larger than y.tif.", ["x.tif is larger than y.tif.", 1]]
    }


def test_texts_that_are_no_path_stay_as_they_are() -> None:
    assert named(Sentence("{why}", why=Sentence("12/2017 {file} a/b"))) == "12/2017 {file} a/b"
    assert named({"a/b": ["c/d", None, 1.5]}) == {"a/b": ["c/d", None, 1.5]}
    assert json.dumps(CUT) == json.dumps(str.__str__(CUT))


def test_line_breaks_of_a_name_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.tif"
    path.write_text("no raster")
    with pytest.raises(UnreadableFileError) as caught:
        read_info(str(path))
    assert named(label_refusal(caught.value)).startswith("The label is not used: a\\nb.tif is not a readable GeoTIFF")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("FileNotFoundError: '/srv/data/x.tif'", "FileNotFoundError: 'x.tif'"),
        ("(/srv/data/x.tif), /srv/deep/y.tif: no such file", "(x.tif), y.tif: no such file"),
        ("http://host/a/b answers 1/2 km/h and/or n/a", "http://host/a/b answers 1/2 km/h and/or n/a"),
        ("a line\n/srv/x.tif", "a line\nx.tif"),
    ],
)
def test_absolute_paths_in_what_another_program_says_are_files(said: str, heard: str) -> None:
    assert Sentence.foreign(said).replace("\\n", "\n") == said
    assert named(Sentence.foreign(said)) == heard
    blank = Sentence.foreign("The label /srv/a b/x.tif is not y.tif", ["y.tif", "/srv/a b/x.tif"])
    assert blank.calling(lambda path: f"<{path}>") == "The label </srv/a b/x.tif> is not <y.tif>"
