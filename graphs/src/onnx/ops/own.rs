//! What our operators share: a kernel says the types and shapes it makes and computes them; tract's traits are written once, around it.

use std::fmt;

use tract_core::internal::*;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::infer::{Factoid as _, InferenceFact, InferenceOp};
use tract_onnx::tract_hir::internal::{InferenceModel, InferenceNode};

/// What builds an operator from a node.
pub(super) type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// An operator of ours.
pub(super) trait Kernel: fmt::Debug + Clone + Send + Sync + 'static {
    /// Its name in ONNX.
    fn name(&self) -> &'static str;

    /// How many outputs are made.
    fn outputs(&self) -> usize {
        1
    }

    /// Types and shapes of the outputs; `konst` of an input is there where its value is known.
    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>>;

    /// The outputs. Dimensions that tract keeps as expressions come as int64.
    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>>;
}

/// A kernel as tract takes it.
#[derive(Debug, Clone)]
pub(super) struct Own<K>(K);

/// The operator of a kernel.
pub(super) fn own<K: Kernel>(kernel: K) -> Built {
    Ok((Box::new(Own(kernel)), Vec::new()))
}

/// For each place in a node's list of inputs the number of the input, since those that are left out are not wired.
pub(super) fn slots<const N: usize>(node: &NodeProto) -> [Option<usize>; N] {
    places(&node.input)
}

/// The same for its outputs.
pub(super) fn made<const N: usize>(node: &NodeProto) -> [Option<usize>; N] {
    places(&node.output)
}

fn places<const N: usize>(names: &[String]) -> [Option<usize>; N] {
    let mut next = 0;
    std::array::from_fn(|at| {
        let name = names.get(at).filter(|name| !name.is_empty())?;
        debug_assert!(!name.is_empty());
        next += 1;
        Some(next - 1)
    })
}

impl<K> PartialEq for Own<K> {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl<K> Eq for Own<K> {}

impl<K: Kernel> Op for Own<K> {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    op_as_typed_op!();
}

impl<K: Kernel> EvalOp for Own<K> {
    op_out_of_plan!();

    fn eval(&self, context: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let inputs = inputs.into_iter().map(|input| numbers(input, context.symbols)).collect::<TractResult<TVec<_>>>()?;
        Ok(self.0.run(&inputs)?.into_iter().map(IntoTValue::into_tvalue).collect())
    }
}

fn numbers(input: TValue, symbols: &SymbolValues) -> TractResult<TValue> {
    if input.datum_type() != DatumType::TDim {
        return Ok(input);
    }
    let plain = input.try_as_plain_ram()?;
    let values = plain.as_slice::<TDim>()?.iter().map(|dim| Ok(dim.eval(symbols).to_i64()?)).collect::<TractResult<Vec<_>>>()?;
    Ok(Tensor::from_shape(input.shape(), &values)?.into_tvalue())
}

impl<K: Kernel> TypedOp for Own<K> {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let inputs = inputs.iter().map(|fact| as_numbers(fact)).collect::<TractResult<TVec<_>>>()?;
        self.0.facts(&inputs.iter().collect::<TVec<_>>())
    }

    as_op!();
}

fn as_numbers(fact: &TypedFact) -> TractResult<TypedFact> {
    let mut fact = fact.clone();
    if fact.datum_type == DatumType::TDim {
        fact.datum_type = DatumType::I64;
        // Not a number where a symbol is in it.
        fact.konst =
            fact.konst.as_ref().and_then(|value| value.cast_to::<i64>().ok().map(|value| value.into_owned().into_arc_tensor()));
        fact.uniform = None;
        fact.uniform_tdim = None;
    }
    Ok(fact)
}

impl<K: Kernel> InferenceOp for Own<K> {
    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        let owned = |facts: &[&InferenceFact]| facts.iter().map(|fact| (*fact).clone()).collect::<TVec<_>>();
        let (known_inputs, mut known_outputs) = (owned(&inputs), owned(&outputs));
        if known_inputs.iter().all(|fact| fact.datum_type.is_concrete() && fact.shape.is_concrete()) {
            let typed = known_inputs.iter().map(TypedFact::try_from).collect::<TractResult<TVec<_>>>()?;
            let facts = self.output_facts(&typed.iter().collect::<TVec<_>>())?;
            known_outputs =
                facts.into_iter().map(|fact| InferenceFact::dt_shape(fact.datum_type, fact.shape.to_tvec())).collect();
        }
        Ok((known_inputs, known_outputs, owned(&observed)))
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.outputs())
    }

    fn to_typed(
        &self,
        _source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        let inputs: TVec<OutletId> = node.inputs.iter().filter_map(|outlet| mapping.get(outlet).copied()).collect();
        target.wire_node(&node.name, self.clone(), &inputs)
    }

    as_op!();
}

/// The values of a tensor of floats or integers as f64.
pub(super) fn f64s(tensor: &Tensor) -> TractResult<Vec<f64>> {
    Ok(tensor.cast_to::<f64>()?.try_as_plain_ram()?.as_slice::<f64>()?.to_vec())
}

/// The values of a tensor of integers as i64.
pub(super) fn i64s(tensor: &Tensor) -> TractResult<Vec<i64>> {
    Ok(tensor.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
}

/// A tensor of this type from f64 values.
pub(super) fn tensor(datum: DatumType, shape: &[usize], values: &[f64]) -> TractResult<Tensor> {
    Ok(Tensor::from_shape(shape, values)?.cast_to_dt(datum)?.into_owned())
}

/// The value of a constant input as integers.
///
/// # Errors
/// It is not constant.
pub(super) fn constant(fact: &TypedFact, what: &str) -> TractResult<Vec<i64>> {
    let value = fact.konst.as_ref().with_context(|| format!("{what} has to be a constant"))?;
    i64s(value)
}

/// An axis, counted from the end where it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> TractResult<usize> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    let counted = usize::try_from(counted).ok().filter(|axis| *axis < rank);
    counted.with_context(|| format!("axis {axis} of a tensor with {rank} dimensions"))
}

/// Where each value of an output comes from.
///
/// # Errors
/// The type is not one of values, or an index is outside.
pub(super) fn gathered(input: &Tensor, shape: &[usize], from: &[Option<usize>]) -> TractResult<Tensor> {
    fn typed<T: Datum + Clone + Default>(input: &Tensor, shape: &[usize], from: &[Option<usize>]) -> TractResult<Tensor> {
        let plain = input.try_as_plain_ram()?;
        let values = plain.as_slice::<T>()?;
        let one = |at: &Option<usize>| match at {
            Some(at) => values.get(*at).cloned().with_context(|| format!("value {at} of {}", values.len())),
            None => Ok(T::default()),
        };
        let gathered = from.iter().map(one).collect::<TractResult<Vec<T>>>()?;
        Ok(tract_ndarray::ArrayD::from_shape_vec(shape, gathered)?.into())
    }
    match input.datum_type() {
        DatumType::Bool => typed::<bool>(input, shape, from),
        DatumType::U8 => typed::<u8>(input, shape, from),
        DatumType::U16 => typed::<u16>(input, shape, from),
        DatumType::U32 => typed::<u32>(input, shape, from),
        DatumType::U64 => typed::<u64>(input, shape, from),
        DatumType::I8 => typed::<i8>(input, shape, from),
        DatumType::I16 => typed::<i16>(input, shape, from),
        DatumType::I32 => typed::<i32>(input, shape, from),
        DatumType::I64 => typed::<i64>(input, shape, from),
        DatumType::F16 => typed::<tract_core::prelude::tract_data::half::f16>(input, shape, from),
        DatumType::F32 => typed::<f32>(input, shape, from),
        DatumType::F64 => typed::<f64>(input, shape, from),
        DatumType::String => typed::<String>(input, shape, from),
        other => bail!("values of {other:?} cannot be moved"),
    }
}

/// The coordinates of each value of a shape, in row-major order.
pub(super) fn coordinates(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let count: usize = shape.iter().product();
    (0..count).map(move |mut at| {
        let mut place = vec![0; shape.len()];
        for (place, size) in place.iter_mut().zip(shape).rev() {
            (*place, at) = (at % size, at / size);
        }
        place
    })
}

/// The number of the value at these coordinates.
pub(super) fn number(place: &[usize], shape: &[usize]) -> usize {
    place.iter().zip(shape).fold(0, |number, (place, size)| number * size + place)
}
