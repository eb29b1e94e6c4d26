"""Files whose description or graph lacks a part: one line, no stack trace."""

import json
import zipfile

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from exported_models import embedding

import kd_keras
from kd_keras.cli.main import main
from kd_keras.export.litert.archive import append_archive, read_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.utils.errors import BadInputError

WRONG = (None, "x", -1, [], {}, [[]], 1.5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The bytes of a file's graph, and its description."""
    path = tmp_path_factory.mktemp("file") / "m.tflite"
    kd_keras.export_litert(embedding(), path, quantization="int8")
    content = path.read_bytes()
    description, _, _ = read_archive(content, path)
    with zipfile.ZipFile(path) as archive:
        graph = content[: min(x.header_offset for x in archive.infolist())]
    return graph, description


def places(tree, path=()):
    """Yields the path of every value in nested lists and dicts."""
    found = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in found:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(description, path, value):
    """A copy with one value changed, or left out if there is no value."""
    copy = json.loads(json.dumps(description))
    owner = copy
    for key in path[:-1]:
        owner = owner[key]
    if value is ...:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return copy


def test_any_value_of_the_description_may_be_wrong(exported, tmp_path, capsys):
    graph, description = exported
    path = tmp_path / "m.tflite"
    refused = 0
    for place in places(description):
        for value in (..., *WRONG):
            path.write_bytes(graph)
            append_archive(path, changed(description, place, value), {})
            code = main(["report", str(path)])
            told = capsys.readouterr()
            if code:
                refused += 1
                assert code == 2
                assert told.err.startswith("kd-keras: error: "), told.err
                assert told.err.count("\n") == 1
    assert refused > 20


@pytest.mark.parametrize("damage", ["operator", "signature", "graph"])
def test_a_graph_without_names(exported, damage, tmp_path):
    graph, _ = exported
    model = schema.ModelT.InitFromPackedBuf(bytearray(graph), 0)
    if damage == "operator":
        code = model.operatorCodes[0]
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = code.builtinCode
        code.customCode = None
    elif damage == "signature":
        model.signatureDefs[0].signatureKey = None
    else:
        model.subgraphs[0].operators[0].inputs = None
        model.subgraphs[0].tensors[0].name = None
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    content = bytes(builder.Output())
    if damage == "graph":  # nothing of this is needed
        assert read_flatbuffer(content, "m.tflite").subgraphs
    else:
        with pytest.raises(BadInputError, match="m.tflite is a damaged"):
            read_flatbuffer(content, "m.tflite")
