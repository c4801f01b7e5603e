//! Machine code that is known to be ours. This is the one place where bytes become something the processor runs.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes that the engine's compiler has written: straight from a compile worker, or from the cache with their MAC verified.
/// Only those two make one.
pub(super) struct MachineCode(Vec<u8>);

impl MachineCode {
    /// From a compile worker that runs the same engine as this host, or from this host's own compiler.
    pub(super) fn from_compiler(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// From the cache, after its MAC over these very bytes in memory was verified.
    pub(super) fn from_verified_cache(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The component. The engine checks that its version, target and settings are those the code was made for.
    #[expect(unsafe_code, reason = "wasmtime cannot check machine code; who may make a `MachineCode` is what makes this sound")]
    pub(super) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` asks for bytes that the engine's compiler made and nobody changed since. They come over a pipe from
        // a process this host has started from its own program, or from a file whose MAC under a key that only this user can read
        // was verified over this buffer. The buffer is private memory: nobody can change it between that check and here.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}
