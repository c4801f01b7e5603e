//! NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: classes are in dimension 1, one label for every other place.

use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::own::{Built, Kernel, f64s, i64s, own, tensor};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reduction {
    None,
    Sum,
    Mean,
}

#[derive(Debug, Clone)]
struct Loss {
    /// Scores are made log-probabilities first.
    softmax: bool,
    ignore: Option<i64>,
    reduction: Reduction,
    /// The log-probabilities are an output, too.
    log_prob: bool,
}

/// NegativeLogLikelihoodLoss.
pub(super) fn likelihood(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(parse(node, false)?)
}

/// SoftmaxCrossEntropyLoss.
pub(super) fn cross_entropy(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(parse(node, true)?)
}

fn parse(node: &NodeProto, softmax: bool) -> TractResult<Loss> {
    let reduction = match node.get_attr_opt::<&str>("reduction")?.unwrap_or("mean") {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        "mean" => Reduction::Mean,
        other => bail!("reduction is none, sum or mean, not {other}"),
    };
    let log_prob = node.output.get(1).is_some_and(|name| !name.is_empty());
    Ok(Loss { softmax, ignore: node.get_attr_opt("ignore_index")?, reduction, log_prob })
}

impl Kernel for Loss {
    fn name(&self) -> &'static str {
        if self.softmax { "SoftmaxCrossEntropyLoss" } else { "NegativeLogLikelihoodLoss" }
    }

    fn outputs(&self) -> usize {
        1 + usize::from(self.log_prob)
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(matches!(inputs.len(), 2 | 3), "{} takes two or three inputs, {} came", self.name(), inputs.len());
        let datum = inputs[0].datum_type;
        ensure!(datum.is_float() && inputs[1].datum_type.is_integer(), "scores have to be floats, labels integers");
        ensure!(inputs[0].rank() >= 2 && inputs[1].rank() + 1 == inputs[0].rank(), "labels have one dimension less than scores");
        let shape = if self.reduction == Reduction::None { inputs[1].shape.to_tvec() } else { tvec!() };
        let mut facts = tvec!(datum.fact(shape));
        if self.log_prob {
            facts.push(datum.fact(inputs[0].shape.clone()));
        }
        Ok(facts)
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let datum = inputs[0].datum_type();
        let (shape, mut scores, labels) = (inputs[0].shape(), f64s(&inputs[0])?, i64s(&inputs[1])?);
        let (classes, inner) = (shape[1], shape[2..].iter().product::<usize>());
        ensure!(labels.len() == shape[0] * inner, "{} labels for {} places", labels.len(), shape[0] * inner);
        let weights = inputs.get(2).map(|weights| f64s(weights)).transpose()?;
        ensure!(weights.as_ref().is_none_or(|weights| weights.len() == classes), "one weight for each class is expected");
        if self.softmax {
            log_softmax(&mut scores, classes, inner);
        }
        let (mut losses, mut sum, mut total) = (Vec::with_capacity(labels.len()), 0.0, 0.0);
        for (at, label) in labels.iter().enumerate() {
            let (loss, weight) = if Some(*label) == self.ignore {
                (0.0, 0.0)
            } else {
                let class = usize::try_from(*label).ok().filter(|class| *class < classes);
                let class = class.with_context(|| format!("label {label} of {classes} classes"))?;
                let weight = weights.as_ref().map_or(1.0, |weights| weights[class]);
                (-scores[(at / inner * classes + class) * inner + at % inner] * weight, weight)
            };
            losses.push(loss);
            (sum, total) = (sum + loss, total + weight);
        }
        let loss = match self.reduction {
            Reduction::None => tensor(datum, inputs[1].shape(), &losses)?,
            Reduction::Sum => tensor(datum, &[], &[sum])?,
            Reduction::Mean => tensor(datum, &[], &[sum / total])?,
        };
        let mut made = tvec!(loss);
        if self.log_prob {
            made.push(tensor(datum, shape, &scores)?);
        }
        Ok(made)
    }
}

fn log_softmax(scores: &mut [f64], classes: usize, inner: usize) {
    for block in scores.chunks_mut((classes * inner).max(1)) {
        for at in 0..inner {
            let column = |block: &[f64]| (0..classes).map(|class| block[class * inner + at]).collect::<Vec<_>>();
            let values = column(block);
            let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log = max + values.iter().map(|value| (value - max).exp()).sum::<f64>().ln();
            (0..classes).for_each(|class| block[class * inner + at] -= log);
        }
    }
}
