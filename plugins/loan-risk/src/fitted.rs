//! What `train.py` fitted; written by it.

/// Mean and deviation of the income.
pub(crate) const INCOME: [f64; 2] = [3222.3975925000004, 1350.268310806626];
/// Edges of the buckets of age.
pub(crate) const AGE_EDGES: [f64; 4] = [30.0, 43.0, 55.0, 68.0];
/// Taken for the years employed where they are missing.
pub(crate) const YEARS: f64 = 5.90371192893401;
/// Log-odds of a loan whose features are all 0.
pub(crate) const INTERCEPT: f64 = -3.0730569212996697;
/// Per deviation of income.
pub(crate) const BY_INCOME: f64 = -0.5189090219652832;
/// From the lowest amount to the highest.
pub(crate) const BY_AMOUNT: f64 = 3.168981274001272;
/// By bucket of age.
pub(crate) const BY_AGE: [f64; 5] =
    [0.58167873339725, -0.06894940593346026, -0.30720855134536224, -0.09433780717859158, -0.09821257744300156];
/// By purpose.
pub(crate) const BY_PURPOSE: [f64; 4] = [-0.274328725097717, 0.6827506907458062, -0.13284576887945973, -0.26260580527184096];
/// Per year employed.
pub(crate) const BY_YEARS: f64 = -0.07435351582497493;
/// If the years are missing.
pub(crate) const BY_YEARS_MISSING: f64 = 0.2121968518397132;
/// Per dependant.
pub(crate) const BY_DEPENDANTS: f64 = 0.34598031242061683;
/// By hashed employer.
pub(crate) const BY_EMPLOYER: [f64; 8] =
    [-0.07900875372688593, 0.09403990524434082, 0.0, -0.011359373202234305, 0.08384480030622533, 0.0, 0.0, 0.023524265615206513];
