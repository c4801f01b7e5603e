//! The size of what a model makes, from the shapes of its tensors, before any is allocated.

use tract_core::internal::{Symbol, SymbolValues, TDim, TypedFact, TypedModel, TypedNode};
use tract_core::ops::array::Range;
use tract_core::ops::konst::Const;
use tract_core::ops::logic::IfThenElse;
use tract_core::ops::scan::Scan;

use crate::{Bounds, Refused};

/// Checks every tensor at one row; gives the number of values of the widest one.
///
/// # Errors
/// The first tensor that is too large, by the name of its node.
pub(super) fn tensors(model: &TypedModel, rows: Option<&Symbol>, bounds: &Bounds) -> Result<usize, Refused> {
    let one = one_row(rows);
    let mut widest = 1;
    for node in model.nodes() {
        if node.op_is::<Range>() {
            length(node, rows)?;
        }
        for output in &node.outputs {
            let volume = volume(output.fact.shape.iter(), &one).unwrap_or(Some(1)).unwrap_or(u64::MAX);
            let size = usize::try_from(volume).unwrap_or(usize::MAX);
            if size > bounds.elements {
                return Err(too_large(&node.name, volume, bounds));
            }
            widest = widest.max(size);
        }
    }
    for body in bodies(model) {
        widest = widest.max(tensors(body, rows, bounds)?);
    }
    Ok(widest)
}

/// Everything else is as large as what it comes from, or its size has to be known; a range is as long as a value says.
fn length(node: &TypedNode, rows: Option<&Symbol>) -> Result<(), Refused> {
    let mut symbols = node.outputs.iter().flat_map(|output| output.fact.shape.iter()).flat_map(TDim::symbols);
    if symbols.all(|symbol| Some(&symbol) == rows) {
        return Ok(());
    }
    let reason = "its length comes from the values of a record, which could ask for any amount of memory; constants and shapes are supported";
    Err(Refused::Operator { operator: "Range".to_owned(), node: node.name.clone(), reason: reason.to_owned() })
}

/// The number of values of the widest tensor that has the rows in its shape, for one row: what a call holds of each row.
pub(super) fn row_values(model: &TypedModel, rows: &Symbol) -> usize {
    let one = one_row(Some(rows));
    let has_rows = |fact: &TypedFact| fact.shape.iter().any(|dim| dim.symbols().contains(rows));
    let facts = model.nodes().iter().flat_map(|node| &node.outputs).map(|output| &output.fact);
    let volumes = facts.filter(|fact| has_rows(fact)).filter_map(|fact| volume(fact.shape.iter(), &one).flatten());
    volumes.max().and_then(|volume| usize::try_from(volume).ok()).unwrap_or(1).max(1)
}

/// The refusal of a tensor that a node makes.
pub(crate) fn too_large(node: &str, volume: u64, bounds: &Bounds) -> Refused {
    let max = u64::try_from(bounds.elements).unwrap_or(u64::MAX);
    Refused::TooLarge { what: format!("number of values that node `{node}` makes of one row"), got: volume, max }
}

fn one_row(rows: Option<&Symbol>) -> SymbolValues {
    let none = SymbolValues::default();
    rows.map_or(none, |symbol| SymbolValues::default().with(symbol, 1))
}

/// How many values a shape has at one row: `None` where another symbol is in it, `Some(None)` where no u64 can hold it.
pub(crate) fn volume_at_one_row<'a>(shape: impl IntoIterator<Item = &'a TDim>, rows: Option<&Symbol>) -> Option<Option<u64>> {
    volume(shape, &one_row(rows))
}

fn volume<'a>(shape: impl IntoIterator<Item = &'a TDim>, at: &SymbolValues) -> Option<Option<u64>> {
    let mut product = Some(1u64);
    for dim in shape {
        let size = dim.eval_to_i64(at).ok()?;
        // A shape with a zero holds nothing, but tract multiplies the others all the same; negative ones are tract's to refuse.
        let size = u64::try_from(size).unwrap_or(0).max(1);
        product = product.and_then(|product| product.checked_mul(size));
    }
    Some(product)
}

/// Bytes of all weights.
///
/// # Errors
/// They are more than the bounds allow.
pub(super) fn weights(model: &TypedModel, bounds: &Bounds) -> Result<u64, Refused> {
    let total = constants(model);
    if total > bounds.weights {
        return Err(Refused::TooLarge { what: "bytes of all weights".to_owned(), got: total, max: bounds.weights });
    }
    Ok(total)
}

fn constants(model: &TypedModel) -> u64 {
    let bytes = |fact: &TypedFact| {
        let tensor = fact.konst.as_ref()?;
        u64::try_from(tensor.volume().saturating_mul(tensor.datum_type().size_of())).ok()
    };
    let own = model.nodes().iter().filter(|node| node.op_is::<Const>()).filter_map(|node| bytes(&node.outputs.first()?.fact));
    own.sum::<u64>() + bodies(model).map(constants).sum::<u64>()
}

/// The models within a model.
fn bodies(model: &TypedModel) -> impl Iterator<Item = &TypedModel> {
    model.nodes().iter().flat_map(|node| {
        let scan = node.op_as::<Scan>().map(|scan| &scan.body);
        let branches = node.op_as::<IfThenElse>().map(|branch| [&branch.then_body, &branch.else_body]);
        scan.into_iter().chain(branches.into_iter().flatten())
    })
}
