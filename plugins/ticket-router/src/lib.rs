//! The queue of a support ticket by multinomial logistic regression: words and pairs of words of the subject, and runs of three and
//! four letters of the body, both hashed. `train.py` fitted it with scikit-learn.

use sandstream_guest::transform::{Hashing, Ngrams, unit_length};
use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};

#[derive(Features)]
struct Ticket<'a> {
    subject: &'a str,
    body: Option<&'a str>,
}

#[derive(Outputs)]
struct Routing {
    queue: &'static str,
    probabilities: [f64; 4],
}

/// In the order of the probabilities.
const QUEUES: [&str; 4] = ["access", "billing", "outage", "sales"];

/// Columns of the subject, and of the body after it.
const SUBJECT: usize = 256;
const BODY: usize = 256;

/// Bytes that are read of each, so that no ticket takes longer than a row may: what it is about stands at its beginning.
const SUBJECT_BYTES_MAX: usize = 128;
const BODY_BYTES_MAX: usize = 512;

struct TicketRouter {
    words: Ngrams,
    letters: Ngrams,
    subject: [[f32; 4]; SUBJECT],
    body: [[f32; 4]; BODY],
    intercept: [f32; 4],
}

impl RowModel for TicketRouter {
    type Row<'a> = Ticket<'a>;
    type Answer = Routing;

    fn load(_config: &[u8]) -> Result<Self, Error> {
        let file = include_bytes!("../weights.f32");
        let (values, []) = file.as_chunks::<4>() else { return Err(Error::new("the weights are cut short")) };
        let values: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let (columns, []) = values.as_chunks::<4>() else { return Err(Error::new("expected four weights a column")) };
        let parts = columns.split_first_chunk().and_then(|(subject, rest)| Some((*subject, rest.split_first_chunk()?)));
        let Some((subject, (body, [intercept]))) = parts else {
            let what = format_args!("expected weights of {} columns and the intercepts, got {}", SUBJECT + BODY, columns.len());
            return Err(Error::new(what));
        };
        let (words, letters) = (Ngrams::words(1..=2), Ngrams::chars(3..=4));
        Ok(Self { words, letters, subject, body: *body, intercept: *intercept })
    }

    fn score(&mut self, ticket: &Ticket<'_>) -> Result<Routing, Reject> {
        let mut sums = self.intercept.map(f64::from);
        if !add(&mut sums, &mut self.words, beginning(ticket.subject, SUBJECT_BYTES_MAX), &self.subject) {
            return Err(Reject::new("subject has no word of two letters or more, so there is nothing to go by"));
        }
        let body = beginning(ticket.body.unwrap_or_default(), BODY_BYTES_MAX);
        add(&mut sums, &mut self.letters, body, &self.body);
        let probabilities = softmax(sums);
        let likeliest = QUEUES.iter().zip(probabilities).max_by(|a, b| a.1.total_cmp(&b.1));
        let (queue, _) = likeliest.ok_or_else(|| Reject::new("there is no queue"))?;
        Ok(Routing { queue, probabilities })
    }
}

/// As many bytes of the text as are whole characters.
fn beginning(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// Adds what a text says for each queue: the weights of its hashed n-grams, with their counts brought to unit length. False if it has
/// none.
fn add<const N: usize>(sums: &mut [f64; 4], ngrams: &mut Ngrams, text: &str, weights: &[[f32; 4]; N]) -> bool {
    let (mut counts, mut some) = ([0.0; N], false);
    ngrams.each(text, |gram| {
        Hashing.add(gram, 1.0, &mut counts);
        some = true;
    });
    unit_length(&mut counts);
    for (count, weights) in counts.iter().zip(weights).filter(|(count, _)| **count != 0.0) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += count * f64::from(*weight);
        }
    }
    some
}

/// The sums as probabilities; the largest is taken off first, so that no exponential is infinite.
fn softmax(sums: [f64; 4]) -> [f64; 4] {
    let largest = sums.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let odds = sums.map(|sum| (sum - largest).exp());
    let total: f64 = odds.iter().sum();
    odds.map(|odds| odds / total)
}

sandstream_guest::export!(TicketRouter);
