//! The trait, the macro, and what stands between them and the generated bindings.

use std::cell::RefCell;

use crate::bindings::exports::sandstream::model::scoring as wit;
#[cfg(target_arch = "wasm32")]
use crate::log;
use crate::{Error, Inputs, Scores, Signature};

/// A scoring module, by batches. [`RowModel`](crate::RowModel) is one by rows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scoring module",
    note = "implement `Model`, which scores matrices, or `RowModel`, which scores structs row by row"
)]
pub trait Model: Sized {
    /// Makes the model from the `config` that was announced with it, and from its [`artifacts`](crate::artifacts). Called once,
    /// before anything else.
    ///
    /// # Errors
    /// The model cannot be used; it is rejected with this text.
    fn load(config: &[u8]) -> Result<Self, Error>;

    /// What it takes and gives. Called once, after `load`; every instance must answer the same.
    fn signature(&self) -> Signature;

    /// Scores all rows of `inputs`. The same rows must give the same outputs, however they are cut into calls.
    ///
    /// # Errors
    /// None of these rows can be scored. For a single row, use [`Scores::reject`].
    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error>;
}

/// Where a module's loaded model lives: a component has one thread, so a thread-local is a static without `unsafe`.
#[doc(hidden)]
pub struct Slot<M>(RefCell<Option<(M, wit::Signature)>>);

impl<M: Model> Slot<M> {
    #[must_use]
    pub const fn empty() -> Self {
        Self(RefCell::new(None))
    }

    pub fn load(&self, config: &[u8]) -> Result<wit::Signature, String> {
        #[cfg(target_arch = "wasm32")]
        report_panics();
        let model = M::load(config).map_err(|error| error.to_string())?;
        let signature = model.signature().0;
        self.0.replace(Some((model, signature.clone())));
        Ok(signature)
    }

    pub fn score(&self, rows: u32, tensors: &[wit::Tensor]) -> Result<wit::Scores, String> {
        let mut slot = self.0.try_borrow_mut().map_err(|_| "score was called from within score")?;
        let (model, signature) = slot.as_mut().ok_or("score was called before load")?;
        let scores = model.score(&Inputs::new(rows, tensors, &signature.inputs)).map_err(|error| error.to_string())?;
        Ok(scores.into_wit())
    }
}

/// A panic becomes a bare trap; its message and place would be lost without this. Native code, which is a test, has a hook already.
#[cfg(target_arch = "wasm32")]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string())));
}

/// Makes a type that implements [`Model`], or [`RowModel`](crate::RowModel), the module's model. Call it once, at the top of the guest's `lib.rs`.
#[macro_export]
macro_rules! export {
    ($model:ty) => {
        struct SandstreamModule;

        ::std::thread_local! {
            static SANDSTREAM_SLOT: $crate::rt::Slot<$model> = const { $crate::rt::Slot::empty() };
        }

        impl $crate::rt::scoring::Guest for SandstreamModule {
            fn load(config: ::std::vec::Vec<u8>) -> ::std::result::Result<$crate::rt::scoring::Signature, ::std::string::String> {
                SANDSTREAM_SLOT.with(|slot| slot.load(&config))
            }

            fn score(
                rows: u32,
                inputs: ::std::vec::Vec<$crate::rt::scoring::Tensor>,
            ) -> ::std::result::Result<$crate::rt::scoring::Scores, ::std::string::String> {
                SANDSTREAM_SLOT.with(|slot| slot.score(rows, &inputs))
            }
        }

        // The one place of a guest that needs it: exported functions with fixed names.
        #[allow(unsafe_code, reason = "generated exports")]
        const _: () = {
    $crate::bindings::export_world!(SandstreamModule with_types_in $crate::bindings);
        };
    };
}
