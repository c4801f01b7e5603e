//! The records: 1,599 wines, over and over, with the little accidents that data has.

/// One record in so many is mistyped: its alcohol is 666. Every sane model scores it, and one of the demo's does not.
const MISTYPED_EVERY: usize = 50;
/// One record in so many is no JSON.
const BROKEN_EVERY: usize = 500;

pub(crate) fn all() -> Vec<Vec<u8>> {
    let wines = sandstream_wine::records().iter().zip(0u64..);
    let record = |(wine, id): (&sandstream_wine::Wine, u64)| {
        let at = id as usize;
        let mut wine = wine.clone();
        if at % MISTYPED_EVERY == MISTYPED_EVERY - 1 {
            wine.features[10] = 666.0;
        }
        let mut json = wine.to_json(id, 0);
        if at % BROKEN_EVERY == BROKEN_EVERY - 2 {
            json.truncate(20);
        }
        json
    };
    wines.map(record).collect()
}
