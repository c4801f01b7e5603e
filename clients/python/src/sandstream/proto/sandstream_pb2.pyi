from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dtype(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FLOAT32: _ClassVar[Dtype]
    FLOAT64: _ClassVar[Dtype]
    INT64: _ClassVar[Dtype]
    TEXT: _ClassVar[Dtype]
    BYTES: _ClassVar[Dtype]
FLOAT32: Dtype
FLOAT64: Dtype
INT64: Dtype
TEXT: Dtype
BYTES: Dtype

class ModelDescriptor(_message.Message):
    __slots__ = ("name", "description", "data_type", "model_type", "data", "location", "version", "sha256", "config", "evaluator", "artifacts", "grants", "signature", "goldens", "lineage", "effective_from", "authenticity", "formats", "chunks")
    class ModelType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TENSORFLOW: _ClassVar[ModelDescriptor.ModelType]
        TENSORFLOWSAVED: _ClassVar[ModelDescriptor.ModelType]
        PMML: _ClassVar[ModelDescriptor.ModelType]
        ONNX: _ClassVar[ModelDescriptor.ModelType]
        WASM: _ClassVar[ModelDescriptor.ModelType]
        XGBOOST: _ClassVar[ModelDescriptor.ModelType]
        LIGHTGBM: _ClassVar[ModelDescriptor.ModelType]
        PFA: _ClassVar[ModelDescriptor.ModelType]
        EVALUATOR: _ClassVar[ModelDescriptor.ModelType]
    TENSORFLOW: ModelDescriptor.ModelType
    TENSORFLOWSAVED: ModelDescriptor.ModelType
    PMML: ModelDescriptor.ModelType
    ONNX: ModelDescriptor.ModelType
    WASM: ModelDescriptor.ModelType
    XGBOOST: ModelDescriptor.ModelType
    LIGHTGBM: ModelDescriptor.ModelType
    PFA: ModelDescriptor.ModelType
    EVALUATOR: ModelDescriptor.ModelType
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    GOLDENS_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICITY_FIELD_NUMBER: _ClassVar[int]
    FORMATS_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    data_type: str
    model_type: ModelDescriptor.ModelType
    data: bytes
    location: str
    version: str
    sha256: bytes
    config: bytes
    evaluator: str
    artifacts: _containers.RepeatedCompositeFieldContainer[Artifact]
    grants: Grants
    signature: Signature
    goldens: _containers.RepeatedScalarFieldContainer[bytes]
    lineage: bytes
    effective_from: bytes
    authenticity: _containers.RepeatedScalarFieldContainer[bytes]
    formats: _containers.RepeatedScalarFieldContainer[bytes]
    chunks: Manifest
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., data_type: _Optional[str] = ..., model_type: _Optional[_Union[ModelDescriptor.ModelType, str]] = ..., data: _Optional[bytes] = ..., location: _Optional[str] = ..., version: _Optional[str] = ..., sha256: _Optional[bytes] = ..., config: _Optional[bytes] = ..., evaluator: _Optional[str] = ..., artifacts: _Optional[_Iterable[_Union[Artifact, _Mapping]]] = ..., grants: _Optional[_Union[Grants, _Mapping]] = ..., signature: _Optional[_Union[Signature, _Mapping]] = ..., goldens: _Optional[_Iterable[bytes]] = ..., lineage: _Optional[bytes] = ..., effective_from: _Optional[bytes] = ..., authenticity: _Optional[_Iterable[bytes]] = ..., formats: _Optional[_Iterable[bytes]] = ..., chunks: _Optional[_Union[Manifest, _Mapping]] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("size", "chunks")
    class Chunk(_message.Message):
        __slots__ = ("sha256", "size", "partition", "offset")
        SHA256_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        PARTITION_FIELD_NUMBER: _ClassVar[int]
        OFFSET_FIELD_NUMBER: _ClassVar[int]
        sha256: bytes
        size: int
        partition: int
        offset: int
        def __init__(self, sha256: _Optional[bytes] = ..., size: _Optional[int] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    size: int
    chunks: _containers.RepeatedCompositeFieldContainer[Manifest.Chunk]
    def __init__(self, size: _Optional[int] = ..., chunks: _Optional[_Iterable[_Union[Manifest.Chunk, _Mapping]]] = ...) -> None: ...

class Artifact(_message.Message):
    __slots__ = ("name", "data", "location", "chunks", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    data: bytes
    location: str
    chunks: Manifest
    sha256: bytes
    def __init__(self, name: _Optional[str] = ..., data: _Optional[bytes] = ..., location: _Optional[str] = ..., chunks: _Optional[_Union[Manifest, _Mapping]] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class Grants(_message.Message):
    __slots__ = ("memory_bytes", "table_elements", "instances", "load_ms", "call_base_us", "call_per_row_us", "compile_ms", "compile_bytes", "log_lines_per_s", "stateful", "inference_rows")
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TABLE_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    LOAD_MS_FIELD_NUMBER: _ClassVar[int]
    CALL_BASE_US_FIELD_NUMBER: _ClassVar[int]
    CALL_PER_ROW_US_FIELD_NUMBER: _ClassVar[int]
    COMPILE_MS_FIELD_NUMBER: _ClassVar[int]
    COMPILE_BYTES_FIELD_NUMBER: _ClassVar[int]
    LOG_LINES_PER_S_FIELD_NUMBER: _ClassVar[int]
    STATEFUL_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_ROWS_FIELD_NUMBER: _ClassVar[int]
    memory_bytes: int
    table_elements: int
    instances: int
    load_ms: int
    call_base_us: int
    call_per_row_us: int
    compile_ms: int
    compile_bytes: int
    log_lines_per_s: int
    stateful: bool
    inference_rows: int
    def __init__(self, memory_bytes: _Optional[int] = ..., table_elements: _Optional[int] = ..., instances: _Optional[int] = ..., load_ms: _Optional[int] = ..., call_base_us: _Optional[int] = ..., call_per_row_us: _Optional[int] = ..., compile_ms: _Optional[int] = ..., compile_bytes: _Optional[int] = ..., log_lines_per_s: _Optional[int] = ..., stateful: bool = ..., inference_rows: _Optional[int] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("inputs", "outputs")
    class Input(_message.Message):
        __slots__ = ("name", "dtype", "fields", "dims")
        NAME_FIELD_NUMBER: _ClassVar[int]
        DTYPE_FIELD_NUMBER: _ClassVar[int]
        FIELDS_FIELD_NUMBER: _ClassVar[int]
        DIMS_FIELD_NUMBER: _ClassVar[int]
        name: str
        dtype: Dtype
        fields: _containers.RepeatedScalarFieldContainer[str]
        dims: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, name: _Optional[str] = ..., dtype: _Optional[_Union[Dtype, str]] = ..., fields: _Optional[_Iterable[str]] = ..., dims: _Optional[_Iterable[int]] = ...) -> None: ...
    class Output(_message.Message):
        __slots__ = ("name", "dtype", "width")
        NAME_FIELD_NUMBER: _ClassVar[int]
        DTYPE_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        name: str
        dtype: Dtype
        width: int
        def __init__(self, name: _Optional[str] = ..., dtype: _Optional[_Union[Dtype, str]] = ..., width: _Optional[int] = ...) -> None: ...
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    inputs: _containers.RepeatedCompositeFieldContainer[Signature.Input]
    outputs: _containers.RepeatedCompositeFieldContainer[Signature.Output]
    def __init__(self, inputs: _Optional[_Iterable[_Union[Signature.Input, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Signature.Output, _Mapping]]] = ...) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("data_type", "strategy")
    class Latest(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Pinned(_message.Message):
        __slots__ = ("name", "version")
        NAME_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        name: str
        version: str
        def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...
    class Strategy(_message.Message):
        __slots__ = ("latest", "pinned")
        LATEST_FIELD_NUMBER: _ClassVar[int]
        PINNED_FIELD_NUMBER: _ClassVar[int]
        latest: Deployment.Latest
        pinned: Deployment.Pinned
        def __init__(self, latest: _Optional[_Union[Deployment.Latest, _Mapping]] = ..., pinned: _Optional[_Union[Deployment.Pinned, _Mapping]] = ...) -> None: ...
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    data_type: str
    strategy: Deployment.Strategy
    def __init__(self, data_type: _Optional[str] = ..., strategy: _Optional[_Union[Deployment.Strategy, _Mapping]] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("data_type", "label", "name", "version")
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    data_type: str
    label: str
    name: str
    version: str
    def __init__(self, data_type: _Optional[str] = ..., label: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ScoringResult(_message.Message):
    __slots__ = ("data_type", "model", "version", "digest", "evaluator", "revision", "role", "topic", "partition", "offset", "timestamp", "outputs", "included")
    class OutputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Values
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Values, _Mapping]] = ...) -> None: ...
    class IncludedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EVALUATOR_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    INCLUDED_FIELD_NUMBER: _ClassVar[int]
    data_type: str
    model: str
    version: str
    digest: str
    evaluator: str
    revision: int
    role: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    outputs: _containers.MessageMap[str, Values]
    included: _containers.MessageMap[str, Value]
    def __init__(self, data_type: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ..., evaluator: _Optional[str] = ..., revision: _Optional[int] = ..., role: _Optional[str] = ..., topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., timestamp: _Optional[int] = ..., outputs: _Optional[_Mapping[str, Values]] = ..., included: _Optional[_Mapping[str, Value]] = ...) -> None: ...

class Values(_message.Message):
    __slots__ = ("numbers", "integers", "texts", "blobs")
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[float]
    integers: _containers.RepeatedScalarFieldContainer[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    blobs: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, numbers: _Optional[_Iterable[float]] = ..., integers: _Optional[_Iterable[int]] = ..., texts: _Optional[_Iterable[str]] = ..., blobs: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("number", "integer", "text", "blob")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    number: float
    integer: int
    text: str
    blob: bytes
    def __init__(self, number: _Optional[float] = ..., integer: _Optional[int] = ..., text: _Optional[str] = ..., blob: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("topic", "partition", "offset", "size", "sha256")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    offset: int
    size: int
    sha256: bytes
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., size: _Optional[int] = ..., sha256: _Optional[bytes] = ...) -> None: ...
