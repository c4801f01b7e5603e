//! BitShift: a shift by the width or more, or by a negative number, leaves nothing but the sign.

use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::own::{Built, Kernel, own};

#[derive(Debug, Clone)]
struct Shift {
    right: bool,
}

/// BitShift.
pub(super) fn shift(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(Shift { right: node.get_attr::<&str>("direction")? == "RIGHT" })
}

impl Kernel for Shift {
    fn name(&self) -> &'static str {
        "BitShift"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2, "BitShift takes two inputs, {} came", inputs.len());
        ensure!(inputs[0].datum_type.is_integer(), "BitShift of {:?}", inputs[0].datum_type);
        let shape = tract_core::broadcast::multi_broadcast(&[&inputs[0].shape, &inputs[1].shape])?;
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = tract_core::broadcast::multi_broadcast(&[inputs[0].shape(), inputs[1].shape()])?;
        let datum = inputs[0].datum_type();
        // In 128 bits all values of all types are what they are, and 64 places do not fall off the end.
        let wide = |input: &Tensor| -> TractResult<Vec<i128>> {
            let whole = input.broadcast_to_shape(&shape)?;
            Ok(if input.datum_type() == DatumType::U64 {
                whole.try_as_plain_ram()?.as_slice::<u64>()?.iter().map(|value| i128::from(*value)).collect()
            } else {
                super::own::i64s(&whole)?.into_iter().map(i128::from).collect()
            })
        };
        let (values, places) = (wide(&inputs[0])?, wide(&inputs[1])?);
        let bits = datum.size_of() as i128 * 8;
        let shifted = values.iter().zip(&places).map(|(value, places)| {
            let outside = *places < 0 || *places >= bits;
            let places = if outside { 0 } else { *places };
            match (self.right, outside) {
                (true, true) => {
                    if *value < 0 {
                        -1
                    } else {
                        0
                    }
                }
                (false, true) => 0,
                (true, false) => value >> places,
                // What falls off the end is cut by the conversion to the type.
                (false, false) => value << places,
            }
        });
        macro_rules! narrow {
            ($type:ty) => {
                Tensor::from_shape(&shape, &shifted.map(|value| value as $type).collect::<Vec<_>>())?
            };
        }
        let tensor = match datum {
            DatumType::U8 => narrow!(u8),
            DatumType::U16 => narrow!(u16),
            DatumType::U32 => narrow!(u32),
            DatumType::U64 => narrow!(u64),
            DatumType::I8 => narrow!(i8),
            DatumType::I16 => narrow!(i16),
            DatumType::I32 => narrow!(i32),
            DatumType::I64 => narrow!(i64),
            other => bail!("BitShift of {other:?}"),
        };
        Ok(tvec!(tensor))
    }
}
