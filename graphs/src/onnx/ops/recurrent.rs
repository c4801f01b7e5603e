//! RNN, GRU and LSTM over whole sequences, in every direction, with sequences of different lengths and all activations of the
//! specification; gates are computed with the exact sigmoid. Arithmetic is in f32.

use tract_core::internal::tract_ndarray::{Array2, ArrayView2, s};
use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::activation::Activation;
use super::own::{Built, Kernel, i64s, made, own, slots};

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Rnn,
    Gru,
    Lstm,
}

impl Kind {
    /// Blocks of rows in W and R.
    fn gates(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Names of the activations of one direction, where the node names none.
    fn activations(self) -> &'static [&'static str] {
        match self {
            Self::Rnn => &["Tanh"],
            Self::Gru => &["Sigmoid", "Tanh"],
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
        }
    }
}

#[derive(Debug, Clone)]
struct Recurrent {
    kind: Kind,
    /// For each direction whether it goes from the end to the begin.
    backward: Vec<bool>,
    activations: Vec<Activation>,
    clip: Option<f32>,
    batch_first: bool,
    /// GRU: the reset gate is applied after the product.
    reset_after: bool,
    /// LSTM: the forget gate is one less the input gate.
    coupled: bool,
    /// Numbers of the inputs B, sequence_lens, initial_h, initial_c, P.
    slots: [Option<usize>; 8],
    /// Numbers of the outputs Y, Y_h, Y_c.
    made: [Option<usize>; 3],
}

/// RNN.
pub(super) fn rnn(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(parse(node, Kind::Rnn)?)
}

/// GRU.
pub(super) fn gru(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(parse(node, Kind::Gru)?)
}

/// LSTM.
pub(super) fn lstm(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(parse(node, Kind::Lstm)?)
}

fn parse(node: &NodeProto, kind: Kind) -> TractResult<Recurrent> {
    let backward = match node.get_attr_opt::<&str>("direction")?.unwrap_or("forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => bail!("direction is forward, reverse or bidirectional, not {other}"),
    };
    let named = node.attribute.iter().find(|attribute| attribute.name == "activations");
    let names: Vec<String> = match named {
        Some(attribute) => attribute.strings.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        None => backward.iter().flat_map(|_| kind.activations().iter().map(|name| (*name).to_owned())).collect(),
    };
    ensure!(
        names.len() == kind.activations().len() * backward.len(),
        "{} activations for {} directions",
        names.len(),
        backward.len()
    );
    let parameters = |name: &str| node.get_attr_opt_vec::<f32>(name).map(Option::unwrap_or_default);
    let (mut alphas, mut betas) = (parameters("activation_alpha")?.into_iter(), parameters("activation_beta")?.into_iter());
    let activations = names.iter().map(|name| Activation::new(name, &mut alphas, &mut betas)).collect::<TractResult<_>>()?;
    Ok(Recurrent {
        kind,
        backward,
        activations,
        clip: node.get_attr_opt("clip")?,
        batch_first: node.get_attr_opt::<i64>("layout")?.unwrap_or(0) == 1,
        reset_after: node.get_attr_opt::<i64>("linear_before_reset")?.unwrap_or(0) != 0,
        coupled: node.get_attr_opt::<i64>("input_forget")?.unwrap_or(0) != 0,
        slots: slots(node),
        made: made(node),
    })
}

/// One direction of a run: its weights and what goes from step to step.
struct Direction<'a> {
    op: &'a Recurrent,
    activations: &'a [Activation],
    recurrence: ArrayView2<'a, f32>,
    bias: Option<&'a [f32]>,
    peephole: Option<&'a [f32]>,
    hidden: usize,
}

impl Kernel for Recurrent {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Rnn => "RNN",
            Kind::Gru => "GRU",
            Kind::Lstm => "LSTM",
        }
    }

    fn outputs(&self) -> usize {
        self.made.iter().flatten().count()
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() >= 3 && inputs.iter().take(3).all(|fact| fact.rank() == 3), "X, W and R have three dimensions each");
        let datum = inputs[0].datum_type;
        ensure!(matches!(datum, DatumType::F32 | DatumType::F16), "{} of {datum:?} is not supported", self.name());
        let (steps, batch) = if self.batch_first { (1, 0) } else { (0, 1) };
        let (steps, batch) = (inputs[0].shape[steps].clone(), inputs[0].shape[batch].clone());
        let hidden = inputs[2].shape[2].clone();
        let directions = self.backward.len();
        let rows = hidden.clone() * self.kind.gates();
        for weights in &inputs[1..3] {
            ensure!(
                weights.shape[0] == directions.to_dim() && weights.shape[1] == rows,
                "W and R are [{directions}, {rows}, ..]"
            );
        }
        ensure!(inputs[1].shape[2] == inputs[0].shape[2], "W is as wide as X");
        let directions = directions.to_dim();
        let (all, last): (TVec<TDim>, TVec<TDim>) = if self.batch_first {
            (tvec!(batch.clone(), steps, directions.clone(), hidden.clone()), tvec!(batch, directions, hidden))
        } else {
            (tvec!(steps, directions.clone(), batch.clone(), hidden.clone()), tvec!(directions, batch, hidden))
        };
        let shapes = [all, last.clone(), last];
        Ok(self.made.iter().zip(shapes).filter(|(made, _)| made.is_some()).map(|(_, shape)| datum.fact(shape)).collect())
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let datum = inputs[0].datum_type();
        let narrow = |slot: Option<usize>| slot.and_then(|slot| inputs.get(slot)).map(|input| input.cast_to::<f32>()).transpose();
        let mut x = narrow(Some(0))?.context("X is missing")?.into_owned();
        let (w, r) = (narrow(Some(1))?.context("W is missing")?, narrow(Some(2))?.context("R is missing")?);
        let [_, _, _, b, lens, h0, c0, p] = self.slots;
        let (b, h0, c0, p) = (narrow(b)?, narrow(h0)?, narrow(c0)?, narrow(p)?);
        if self.batch_first {
            x = x.permute_axes(&[1, 0, 2])?;
        }
        let [steps, batch, width] = *x.shape() else { bail!("X has three dimensions") };
        let hidden = r.shape()[2];
        let lens = lens.and_then(|slot| inputs.get(slot)).map(|lens| i64s(lens)).transpose()?;
        let lens = lens.unwrap_or_else(|| vec![steps as i64; batch]);
        ensure!(
            lens.len() == batch && lens.iter().all(|len| (0..=steps as i64).contains(len)),
            "sequence_lens are 0 to {steps}, one a row"
        );
        let rows = self.kind.gates() * hidden;
        let slice = |tensor: &Tensor| -> TractResult<Vec<f32>> { Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()) };
        let view = Array2::from_shape_vec((steps * batch, width), slice(&x)?)?;
        let (w, r) = (slice(&w)?, slice(&r)?);
        let state = |tensor: &Option<Cow<'_, Tensor>>, at: usize| self.state(tensor.as_deref(), at, batch, hidden);
        let bias = b.as_deref().map(slice).transpose()?;
        let peephole = p.as_deref().map(slice).transpose()?;
        let count = self.backward.len();
        for (name, values, expected) in [("B", &bias, count * 2 * rows), ("P", &peephole, count * 3 * hidden)] {
            let got = values.as_ref().map_or(expected, Vec::len);
            ensure!(got == expected, "{name} has {got} values, {expected} are expected");
        }
        ensure!(w.len() == count * rows * width && r.len() == count * rows * hidden, "W and R do not fit X");
        let mut all = vec![0f32; steps * count * batch * hidden];
        let (mut last_h, mut last_c) = (Vec::new(), Vec::new());
        for (at, backward) in self.backward.iter().enumerate() {
            let input = ArrayView2::from_shape((rows, width), &w[at * rows * width..(at + 1) * rows * width])?;
            let per = self.activations.len() / count;
            let direction = Direction {
                op: self,
                activations: &self.activations[at * per..(at + 1) * per],
                recurrence: ArrayView2::from_shape((rows, hidden), &r[at * rows * hidden..(at + 1) * rows * hidden])?,
                bias: bias.as_ref().map(|bias| &bias[at * 2 * rows..(at + 1) * 2 * rows]),
                peephole: peephole.as_ref().map(|peephole| &peephole[at * 3 * hidden..(at + 1) * 3 * hidden]),
                hidden,
            };
            let projected = view.dot(&input.t());
            let (mut h, mut c) = (state(&h0, at)?, state(&c0, at)?);
            for step in 0..steps {
                let recurrent = h.dot(&direction.recurrence.t());
                for (row, len) in lens.iter().enumerate() {
                    let Some(left) = usize::try_from(*len)?.checked_sub(step + 1) else { continue };
                    let time = if *backward { left } else { step };
                    let place = ((time * count + at) * batch + row) * hidden;
                    let place = &mut all[place..place + hidden];
                    direction.row((time * batch + row, row), (&projected, &recurrent), (&mut h, &mut c), place)?;
                }
            }
            last_h.extend(h.iter().copied());
            last_c.extend(c.iter().copied());
        }
        let all = Tensor::from_shape(&[steps, count, batch, hidden], &all)?;
        let last = |values: &[f32]| Tensor::from_shape(&[count, batch, hidden], values);
        let (mut all, mut h, mut c) = (all, last(&last_h)?, last(&last_c)?);
        if self.batch_first {
            (all, h, c) = (all.permute_axes(&[2, 0, 1, 3])?, h.permute_axes(&[1, 0, 2])?, c.permute_axes(&[1, 0, 2])?);
        }
        let outputs = self.made.iter().zip([all, h, c]).filter(|(made, _)| made.is_some());
        outputs.map(|(_, tensor)| Ok(tensor.cast_to_dt(datum)?.into_owned())).collect()
    }
}

impl Recurrent {
    /// The state that a direction begins with.
    fn state(&self, tensor: Option<&Tensor>, at: usize, batch: usize, hidden: usize) -> TractResult<Array2<f32>> {
        let Some(tensor) = tensor else { return Ok(Array2::zeros((batch, hidden))) };
        ensure!(tensor.rank() == 3, "a state of the shape {:?}", tensor.shape());
        let tensor = if self.batch_first { tensor.clone().permute_axes(&[1, 0, 2])? } else { tensor.clone() };
        ensure!(tensor.shape() == [self.backward.len(), batch, hidden], "a state of the shape {:?}", tensor.shape());
        let values = tensor.try_as_plain_ram()?.as_slice::<f32>()?[at * batch * hidden..(at + 1) * batch * hidden].to_vec();
        Ok(Array2::from_shape_vec((batch, hidden), values)?)
    }
}

impl Direction<'_> {
    /// One step of one row, from the products of its input and of the states; the new state is also written to its place in Y.
    fn row(
        &self,
        (input, row): (usize, usize),
        (projected, recurrent): (&Array2<f32>, &Array2<f32>),
        (h, c): (&mut Array2<f32>, &mut Array2<f32>),
        place: &mut [f32],
    ) -> TractResult<()> {
        let (x, r) = (projected.slice(s![input, ..]), recurrent.slice(s![row, ..]));
        let (mut h, mut c) = (h.row_mut(row), c.row_mut(row));
        let (Some(x), Some(r), Some(h), Some(c)) = (x.as_slice(), r.as_slice(), h.as_slice_mut(), c.as_slice_mut()) else {
            bail!("the values of a row lie together");
        };
        self.step(x, r, h, c)?;
        place.copy_from_slice(h);
        Ok(())
    }

    /// One step of one row: `x` is the input's part of the gates, `r` the state's.
    fn step(&self, x: &[f32], r: &[f32], h: &mut [f32], c: &mut [f32]) -> TractResult<()> {
        match self.op.kind {
            Kind::Rnn => {
                let mut next = self.sum(x, r, 0..self.hidden);
                self.activate(0, &mut next)?;
                h.copy_from_slice(&next);
            }
            Kind::Gru => self.gru(x, r, h)?,
            Kind::Lstm => self.lstm(x, r, h, c)?,
        }
        Ok(())
    }

    fn bias(&self, at: usize) -> (f32, f32) {
        let half = self.op.kind.gates() * self.hidden;
        self.bias.map_or((0.0, 0.0), |bias| (bias[at], bias[half + at]))
    }

    /// Both parts of gates and their biases.
    fn sum(&self, x: &[f32], r: &[f32], part: std::ops::Range<usize>) -> Vec<f32> {
        let one = |at: usize| {
            let (input, state) = self.bias(at);
            x[at] + r[at] + input + state
        };
        part.map(one).collect()
    }

    fn activate(&self, which: usize, values: &mut [f32]) -> TractResult<()> {
        if let Some(clip) = self.op.clip {
            values.iter_mut().for_each(|value| *value = value.clamp(-clip.abs(), clip.abs()));
        }
        self.activations[which].apply(values)
    }

    fn gru(&self, x: &[f32], r: &[f32], h: &mut [f32]) -> TractResult<()> {
        let n = self.hidden;
        let mut gates = self.sum(x, r, 0..2 * n);
        self.activate(0, &mut gates)?;
        let (update, reset) = gates.split_at(n);
        let mut next: Vec<f32> = if self.op.reset_after {
            let one = |at: usize| {
                let (input, state) = self.bias(2 * n + at);
                x[2 * n + at] + reset[at] * (r[2 * n + at] + state) + input
            };
            (0..n).map(one).collect()
        } else {
            let kept: Vec<f32> = h.iter().zip(reset).map(|(h, reset)| h * reset).collect();
            let one = |at: usize| {
                let (input, state) = self.bias(2 * n + at);
                let product: f32 = self.recurrence.row(2 * n + at).iter().zip(&kept).map(|(weight, kept)| weight * kept).sum();
                x[2 * n + at] + product + state + input
            };
            (0..n).map(one).collect()
        };
        self.activate(1, &mut next)?;
        for ((h, next), update) in h.iter_mut().zip(&next).zip(update) {
            *h = (1.0 - update) * next + update * *h;
        }
        Ok(())
    }

    fn lstm(&self, x: &[f32], r: &[f32], h: &mut [f32], c: &mut [f32]) -> TractResult<()> {
        let n = self.hidden;
        let peephole = |gate: usize, at: usize| self.peephole.map_or(0.0, |peephole| peephole[gate * n + at]);
        let mut input = self.sum(x, r, 0..n);
        let mut forget = self.sum(x, r, 2 * n..3 * n);
        for at in 0..n {
            input[at] += peephole(0, at) * c[at];
            forget[at] += peephole(2, at) * c[at];
        }
        let mut cell = self.sum(x, r, 3 * n..4 * n);
        self.activate(0, &mut input)?;
        self.activate(0, &mut forget)?;
        self.activate(1, &mut cell)?;
        if self.op.coupled {
            forget.iter_mut().zip(&input).for_each(|(forget, input)| *forget = 1.0 - input);
        }
        for at in 0..n {
            c[at] = forget[at] * c[at] + input[at] * cell[at];
        }
        let mut output = self.sum(x, r, n..2 * n);
        output.iter_mut().enumerate().for_each(|(at, output)| *output += peephole(1, at) * c[at]);
        self.activate(0, &mut output)?;
        let mut shown = c.to_vec();
        self.activations[2].apply(&mut shown)?;
        for at in 0..n {
            h[at] = output[at] * shown[at];
        }
        Ok(())
    }
}
