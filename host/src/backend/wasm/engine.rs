//! The one configuration of the engine. Whatever of it changes machine code must be the same in the host and in its compile
//! workers; the pool of instances does not.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload, TypeRef};
use wasmtime::{Config as Settings, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::{Config, Error};

/// Memories, tables and core instances of one component. Real ones have one memory, two tables and three instances.
const MEMORIES_PER_COMPONENT: u32 = 8;
const TABLES_PER_COMPONENT: u32 = 64;
const TABLES_PER_SESSION: u32 = 4;
const INSTANCES_PER_SESSION: u32 = 4;

/// What an idle slot of the pool keeps in memory, so that the next instance in it need not fault it in again.
const KEEP_RESIDENT: usize = 2 << 20;
const KEEP_RESIDENT_TABLE: usize = 16 << 10;

/// Memory mappings that a session may take: two of its slot, four of its memory, three of its code.
const MAPS_PER_SESSION: u64 = 9;

/// Everything that machine code depends on.
fn settings() -> Settings {
    let mut settings = Settings::new();
    settings
        // On by default, and makes every call three times slower; the component model's async is off with it.
        .concurrency_support(false)
        // Every feature that is not needed is attack surface; relaxed SIMD differs from one processor to the next.
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        // Only for what the engine itself makes to copy from one component to another inside of it, as JavaScript's guests need;
        // `precompile` refuses a guest's module that has two.
        .wasm_multi_memory(true)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .memory_init_cow(true)
        .epoch_interruption(true);
    settings
}

/// The host's engine, with its pool.
pub(super) fn host(config: &Config) -> Result<Engine, Error> {
    check(config)?;
    let mut settings = settings();
    settings.max_wasm_stack(config.stack_bytes).allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    Engine::new(&settings).map_err(|e| Error::Pool {
        sessions_max: config.sessions_max,
        memory_max: config.memory_max,
        reason: format!("{e:#}"),
    })
}

/// An engine that compiles and never runs anything, so it reserves nothing.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&settings())
}

/// Compiles a component. Its own modules have one memory each at most.
pub(super) fn precompile(engine: &Engine, component: &[u8]) -> Result<Vec<u8>, String> {
    if let Some(at) = second_memory(component) {
        return Err(format!("multiple memories: a module in it has a second one (at offset {at:#x})"));
    }
    engine.precompile_component(component).map_err(|error| format!("{error:#}"))
}

/// Where a module of the component declares or imports a memory besides its first, as far as the bytes can be read; the compiler
/// says what is wrong with the rest.
fn second_memory(component: &[u8]) -> Option<usize> {
    let mut memories = vec![0];
    for section in Parser::new(0).parse_all(component) {
        let (at, more) = match section.ok()? {
            Payload::Version { .. } => {
                memories.push(0);
                continue;
            }
            Payload::End(_) => {
                memories.pop();
                continue;
            }
            Payload::MemorySection(section) => (section.range().start, section.count()),
            Payload::ImportSection(section) => {
                let of_memories = section
                    .clone()
                    .into_imports()
                    .filter(|import| import.as_ref().is_ok_and(|import| matches!(import.ty, TypeRef::Memory(_))));
                (section.range().start, of_memories.count() as u32)
            }
            _ => continue,
        };
        let last = memories.last_mut()?;
        *last += more;
        if *last > 1 {
            return Some(at);
        }
    }
    None
}

fn pool(config: &Config) -> PoolingAllocationConfig {
    let sessions = config.sessions_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sessions)
        .total_core_instances(sessions.saturating_mul(INSTANCES_PER_SESSION).max(config.instances_max))
        .total_memories(sessions)
        .total_tables(sessions.saturating_mul(TABLES_PER_SESSION).max(TABLES_PER_COMPONENT))
        .total_gc_heaps(1)
        .max_memory_size(config.memory_max as usize)
        .table_elements(config.table_elements_max as usize)
        .max_tables_per_module(TABLES_PER_SESSION)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_core_instances_per_component(config.instances_max)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT_TABLE)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots((sessions / 10).max(1));
    pool
}

fn check(config: &Config) -> Result<(), Error> {
    let wrong = |words: String| Err(Error::Config(words));
    if config.sessions_max == 0 {
        return wrong("sessions_max is 0; expected at least 1".to_owned());
    }
    if config.memory_max > 4 << 30 {
        return wrong(format!("memory_max is {} bytes; a 32-bit memory has at most 4 GiB", config.memory_max));
    }
    let needed = u64::from(config.sessions_max) * MAPS_PER_SESSION;
    match map_limit() {
        Some(limit) if needed > limit / 2 => wrong(format!(
            "{} sessions take up to {needed} memory mappings, more than half of what the system allows a process ({limit}); \
             lower sessions_max or raise the sysctl vm.max_map_count to {}",
            config.sessions_max,
            needed * 2
        )),
        _ => Ok(()),
    }
}

/// How many memory mappings a process may have, where the system says.
fn map_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// What machine code is good for: the engine's version, target, processor features and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

/// The fingerprint of an engine. Two engines with equal ones take each other's code.
pub(super) fn fingerprint(engine: &Engine) -> Fingerprint {
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    Fingerprint(hasher.0.finalize().into())
}

/// SHA-256 where the standard library wants a hasher: its own gives 64 bits and promises nothing from one build to the next.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_pool_does_not_change_machine_code() {
        let host = host(&Config { sessions_max: 2, ..Config::default() }).unwrap();
        assert_eq!(fingerprint(&host), fingerprint(&compiler().unwrap()));
    }

    #[test]
    fn a_pool_beyond_the_map_limit_is_refused() {
        let refused = host(&Config { sessions_max: u32::MAX, ..Config::default() }).err().unwrap().to_string();
        assert!(refused.contains("vm.max_map_count"), "{refused}");
    }
}
