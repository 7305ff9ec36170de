"""A model file gives back what was written, or says in a sentence why not."""

from __future__ import annotations

import errno
import json
import math
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import save

from mlplab.errors import ModelFileError, OutputError, ParameterError
from mlplab.export import container, from_bytes, read_artifact, to_bytes, write_artifact
from mlplab.results import ModelArtifact


def _same(one: ModelArtifact, two: ModelArtifact) -> bool:
    """Whether two artifacts agree to the last bit."""
    return (
        one.kind == two.kind
        and repr(one.header) == repr(two.header)  # NaN is not equal to itself
        and one.arrays.keys() == two.arrays.keys()
        and all(
            array.dtype == two.arrays[name].dtype
            and array.shape == two.arrays[name].shape
            and array.tobytes() == two.arrays[name].tobytes()
            for name, array in one.arrays.items()
        )
    )


def test_artifact_comes_back_to_the_last_bit(artifact: ModelArtifact, tmp_path: Path) -> None:
    """Header, numbers with their signs and NaN, and text are the same."""
    path = write_artifact(artifact, tmp_path / "model.safetensors")
    assert _same(read_artifact(path), artifact)
    assert _same(read_artifact(str(path)), artifact)


_DTYPES = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(endianness="?", sizes=(64,))
    | hnp.unicode_string_dtypes(endianness="=", max_len=5)
)
_HEADERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name.isprintable()),
        hnp.arrays(_DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)),
        max_size=4,
    ),
    header=st.dictionaries(st.text(), _HEADERS, max_size=3),
)
def test_any_artifact_comes_back(arrays: dict, header: dict) -> None:
    """Every dtype, byte order, shape (none, empty, scalar) and JSON value survives."""
    again = from_bytes(to_bytes(ModelArtifact("Kind", header, arrays)))
    native = {
        name: array.astype(array.dtype.newbyteorder("="), order="C")
        for name, array in arrays.items()
    }
    assert _same(again, ModelArtifact("Kind", header, native))


def test_strided_and_transposed_arrays_come_back() -> None:
    """What counts is the numbers and not how they lie in memory."""
    base = np.arange(24.0).reshape(4, 6)
    arrays = {"t": base.T, "s": base[::2, ::-1], "f": np.asfortranarray(base)}
    again = from_bytes(to_bytes(ModelArtifact("K", {}, arrays))).arrays
    assert all(np.array_equal(again[name], array) for name, array in arrays.items())


def test_arrays_that_were_read_can_be_trained_on() -> None:
    """They can be written to."""
    again = from_bytes(to_bytes(ModelArtifact("K", {}, {"w": np.zeros(3)}))).arrays["w"]
    again += 1
    assert again.tolist() == [1.0, 1.0, 1.0]


def test_numpy_scalars_and_tuples_in_the_header_become_plain() -> None:
    """The header comes back as JSON would have it, with infinity and NaN kept."""
    header = {"n": np.int64(3), "x": np.float64(0.1), "t": (1, np.bool_(True)), "inf": np.inf}
    again = from_bytes(to_bytes(ModelArtifact("K", header, {}))).header
    assert again == {"n": 3, "x": 0.1, "t": [1, True], "inf": math.inf}
    assert type(again["n"]) is int


def test_the_same_artifact_gives_the_same_bytes(artifact: ModelArtifact) -> None:
    """Also with its arrays in another order; a file can be compared by its checksum."""
    turned = ModelArtifact(
        artifact.kind, artifact.header, dict(reversed(list(artifact.arrays.items())))
    )
    assert to_bytes(artifact) == to_bytes(artifact) == to_bytes(turned)


def test_others_can_read_the_arrays(artifact: ModelArtifact, tmp_path: Path) -> None:
    """The file is plain safetensors with strict JSON in its metadata."""
    path = write_artifact(artifact, tmp_path / "model.safetensors")
    with safe_open(path, framework="numpy") as file:
        assert np.array_equal(
            file.get_tensor("coefs.0"), artifact.arrays["coefs.0"], equal_nan=True
        )
        document = json.loads(file.metadata()["mlplab"], parse_constant=pytest.fail)
    assert document["format"] == "mlplab-model"
    assert document["kind"] == artifact.kind


def test_a_new_process_reads_it_without_scikit_learn(
    artifact: ModelArtifact, tmp_path: Path
) -> None:
    """Reading a model needs NumPy and safetensors, and nothing is unpickled."""
    path = write_artifact(artifact, tmp_path / "model.safetensors")
    script = (
        "import sys, pickle\n"
        "pickle.loads = pickle.load = None\n"
        "from mlplab.export import read_artifact\n"
        "print(read_artifact(sys.argv[1]).arrays['intercepts.0'].sum())\n"
        "assert not {'sklearn', 'scipy', 'pandas', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "6.0\n"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"w": np.array([object()])}, "got dtype object for `w`"),
        ({"w": np.array(["a", None], dtype=object)}, "got dtype object"),
        ({"w": np.array([1 + 2j])}, "complex128"),
        ({"w": np.array(["2026-01-01"], dtype="datetime64[D]")}, "datetime64"),
        ({"w": np.array([b"a"])}, r"\|S1"),
        ({"w": np.array([(1, 2)], dtype=[("a", int), ("b", int)])}, "`w`"),
        ({"": np.zeros(1)}, "not empty"),
        ({"__metadata__": np.zeros(1)}, "__metadata__"),
        ({3: np.zeros(1)}, "got 3"),
    ],
)
def test_arrays_that_cannot_be_kept_are_refused(arrays: dict, words: str, tmp_path: Path) -> None:
    """Objects would need pickle; nothing is written."""
    with pytest.raises(ParameterError, match=words):
        write_artifact(ModelArtifact("K", {}, arrays), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"a": [np.zeros(2)]}, r"got ndarray at `header.a\[0\]`"),
        ({"a": {1: 2}}, "got 1 at `header.a`"),
        ({"a": {"$number": 2}}, r"got '\$number'"),
        ({"a": b"x"}, "got bytes"),
        ({"a": {1, 2}}, "got set"),
        ({"a": 1j}, "got complex"),
    ],
)
def test_headers_that_json_cannot_hold_are_refused(header: dict, words: str) -> None:
    """The message says where in the header."""
    with pytest.raises(ParameterError, match=words):
        to_bytes(ModelArtifact("K", header, {}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"x", "not a safetensors file"),
        (b"\0" * 100, "not a safetensors file"),
        (b"a,b\n1,2\n" * 10, "not a safetensors file"),
        (pickle.dumps({"w": list(range(100))}), "looks like a pickle"),
        (b"PK\3\4" + b"\0" * 50, "zip archive"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "HDF5"),
        (save({"w": np.zeros(2)}), "not one that mlplab wrote"),
        (save({"w": np.zeros(2)}, {"mlplab": "1"}), "not one that mlplab wrote"),
        (save({"w": np.zeros(2)}, {"mlplab": "{"}), "header is not JSON"),
        (save({}, {"mlplab": '{"format": "mlplab-model"}'}), "no version"),
        (save({}, {"mlplab": '{"format": "mlplab-model", "format_version": 1}'}), "altered"),
        (save({}, {"mlplab": "[" * 100_000}), "header is not JSON"),
        ((10**6).to_bytes(8, "little") + b"{" * 10, "cut off"),
        ((2**64 - 1).to_bytes(8, "little") + b"{" * 10, "cut off"),
        ((100_000).to_bytes(8, "little") + b'{"a":' * 20_000, "not JSON"),
    ],
)
def test_foreign_and_broken_files_are_said_in_a_sentence(
    content: bytes, words: str, tmp_path: Path
) -> None:
    """The message names the file, what it is, and what to do."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as caught:
        read_artifact(path)
    assert str(path) in str(caught.value)
    assert "mlplab.save" in str(caught.value)


def test_a_newer_file_asks_to_update(artifact: ModelArtifact) -> None:
    """A file of a format to come is not guessed at."""
    content = to_bytes(artifact)
    newer = content.replace(rb"\"format_version\":1", rb"\"format_version\":2")
    assert newer != content
    with pytest.raises(ModelFileError, match=r"version 2 .* up to version 1: update mlplab"):
        from_bytes(newer)


def test_missing_names_and_folders_are_said_in_a_sentence(
    artifact: ModelArtifact, tmp_path: Path
) -> None:
    """The nearest model beside it is suggested, and the model inside a folder."""
    with pytest.raises(ModelFileError, match=r"it is a folder. Pass a file"):
        read_artifact(tmp_path)
    write_artifact(artifact, tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"no such file. Did you mean 'model.safetensors'\?"):
        read_artifact(tmp_path / "models.safetensors")
    with pytest.raises(ModelFileError, match=r"it is a folder. Pass '.*model\.safetensors'"):
        read_artifact(tmp_path)
    with pytest.raises(ModelFileError, match=r"no such file\. Check the name"):
        read_artifact(tmp_path / "nowhere" / "model.safetensors")


def test_an_unreadable_file_is_said_in_a_sentence(
    artifact: ModelArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Superusers may read anything, so the refusal is acted."""

    def refuse(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = write_artifact(artifact, tmp_path / "model.safetensors")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFileError, match="Permission denied"):
        read_artifact(path)


def test_output_that_cannot_be_written_leaves_the_old_file(
    artifact: ModelArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing folder and a full disk are OutputErrors; the old model stays."""
    with pytest.raises(OutputError, match="Create the folder first"):
        write_artifact(artifact, tmp_path / "nowhere" / "model.safetensors")
    path = write_artifact(artifact, tmp_path / "model.safetensors")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="Free some space"):
        write_artifact(ModelArtifact("Other", {}, {}), path)
    monkeypatch.undo()
    assert _same(read_artifact(path), artifact)
    assert list(tmp_path.iterdir()) == [path]


def test_every_truncation_is_noticed(artifact: ModelArtifact) -> None:
    """No beginning of a file passes for the whole, and nothing but ModelFileError is raised."""
    content = to_bytes(artifact)
    for length in range(len(content)):
        with pytest.raises(ModelFileError):
            from_bytes(content[:length])
    with pytest.raises(ModelFileError):
        from_bytes(content + b"\0")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"a,b\n1,2\n", "not a safetensors file"),
        ((2**40).to_bytes(8, "little") + b"{", "in its table of arrays"),
        ((10**6).to_bytes(8, "little") + b"{" + b" " * 10**6, "not JSON"),
        (None, "its arrays need another length"),
    ],
)
def test_a_large_file_is_refused_before_it_is_read(
    start: bytes | None, words: str, artifact: ModelArtifact, tmp_path: Path
) -> None:
    """Its first bytes tell; 64 GB of nothing behind them are not read."""
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.write(to_bytes(artifact) if start is None else start)
        file.truncate(64 * 10**9)
    with pytest.raises(ModelFileError, match=words):
        read_artifact(path)


def test_a_large_model_is_read(tmp_path: Path) -> None:
    """What is as long as it says comes back."""
    weights = np.random.default_rng(0).normal(size=200_000)
    path = write_artifact(ModelArtifact("K", {}, {"w": weights}), tmp_path / "m.safetensors")
    assert path.stat().st_size > 2**20
    assert np.array_equal(read_artifact(path).arrays["w"], weights)


def _forged(**changes: object) -> bytes:
    """Return a file whose text array was altered by someone who computed the checksum anew."""
    artifact = ModelArtifact("K", {}, {"t": np.array(["a", "bc"]), "w": np.zeros(2)})
    content = to_bytes(artifact)
    length = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + length])
    document = json.loads(table["__metadata__"]["mlplab"])
    for name, value in changes.items():
        (document["texts"]["t"] if name in document["texts"]["t"] else document)[name] = value
    shapes, data = {"w": ("F64", (2,))}, {"w": memoryview(bytes(16))}
    document["sha256"] = container._digest(document, shapes, data)
    return save({"w": np.zeros(2)}, {"mlplab": container._compact(document)})


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "U999999999"},
        {"dtype": "O"},
        {"dtype": "V8"},
        {"dtype": 3},
        {"shape": [-1, 2]},
        {"shape": [3]},
        {"shape": 2},
        {"values": [1, 2]},
        {"values": "ab"},
        {"kind": 3},
        {"header": []},
        {"texts": []},
        {"header": {"a": {"$number": "x"}}},
    ],
    ids=str,
)
def test_a_right_checksum_is_not_believed(changes: dict[str, object]) -> None:
    """Types and sizes are checked before memory is taken."""
    assert from_bytes(_forged()).arrays["t"].tolist() == ["a", "bc"]
    with pytest.raises(ModelFileError):
        from_bytes(_forged(**changes))


def _mutations(content: bytes, count: int, seed: int) -> None:
    """Alter bytes: each file is refused with ModelFileError, or gives the same artifact."""
    rng = random.Random(seed)  # noqa: S311  # no secrets here
    original = from_bytes(content)
    refused = 0
    for _ in range(count):
        altered = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 8)) if count > 1000 else 1):
            altered[rng.randrange(len(altered))] ^= rng.randrange(1, 256)
        try:
            again = from_bytes(bytes(altered))
        except ModelFileError:
            refused += 1
        else:
            assert _same(again, original)
    assert refused > 0.8 * count


def test_altered_bytes_are_noticed(artifact: ModelArtifact, seed: int) -> None:
    """300 files with one altered byte."""
    _mutations(to_bytes(artifact), 300, seed)


@pytest.mark.slow
def test_ten_thousand_altered_files_are_noticed(artifact: ModelArtifact, seed: int) -> None:
    """10,000 files with one to eight altered bytes."""
    _mutations(to_bytes(artifact), 10_000, seed)


@pytest.mark.slow
def test_every_flipped_bit_is_noticed(artifact: ModelArtifact) -> None:
    """Every single bit of the file."""
    content = to_bytes(artifact)
    for place in range(len(content)):
        for bit in range(8):
            altered = bytearray(content)
            altered[place] ^= 1 << bit
            try:
                again = from_bytes(bytes(altered))
            except ModelFileError:
                continue
            assert _same(again, artifact)
