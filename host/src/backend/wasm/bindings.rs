//! Generated from wit/model.wit. Arguments are borrowed slices, results are owned, so a call copies each value once per direction.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::semicolon_if_nothing_returned, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "model",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { "sandstream:model/inference": trappable },
    with: { "sandstream:model/inference.graph": super::inference::Graph },
});
