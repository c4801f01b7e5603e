"""The generated module is that of the proto file."""

from __future__ import annotations

from pathlib import Path

from conftest import ROOT, absent
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from sandstream.proto import sandstream_pb2


def test_generated_module_is_up_to_date(tmp_path: Path) -> None:
    try:
        from grpc_tools import protoc
    except ImportError:
        absent("grpcio-tools is not installed: the generated module cannot be compared")
    out = tmp_path / "set"
    done = protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--descriptor_set_out={out}", "sandstream.proto"])
    assert done == 0
    written, ours = FileDescriptorSet.FromString(out.read_bytes()).file[0], FileDescriptorProto()
    sandstream_pb2.DESCRIPTOR.CopyToProto(ours)
    for message in written.message_type:
        without_json_names(message)
    assert ours == written, "run the command that README.md names"


def without_json_names(message: DescriptorProto) -> None:
    """They follow from the names, and generated modules do not have them."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        without_json_names(nested)
