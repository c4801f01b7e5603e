//! The risk of a loan by logistic regression: numbers scaled and bucketed, a category one-hot, a name hashed, and applications
//! that the model was not made for refused with the reason. `train.py` fitted it with scikit-learn.

mod fitted;

use fitted::{
    AGE_EDGES, BY_AGE, BY_AMOUNT, BY_DEPENDANTS, BY_EMPLOYER, BY_INCOME, BY_PURPOSE, BY_YEARS, BY_YEARS_MISSING, INCOME,
    INTERCEPT, YEARS,
};
use sandstream_guest::transform::{Buckets, Hashing, MinMax, OneHot, Standard};
use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};

/// An application, in years and euros.
#[derive(Features)]
struct Application<'a> {
    age: f64,
    /// A month.
    income: f64,
    amount: f64,
    purpose: &'a str,
    #[field(name = "years employed")]
    years_employed: Option<f64>,
    dependants: i64,
    employer: Option<&'a str>,
}

#[derive(Outputs)]
struct Risk {
    #[output(name = "probability of default")]
    probability: f64,
    grade: &'static str,
}

const AMOUNT_MIN: f64 = 500.0;
const AMOUNT_MAX: f64 = 50_000.0;

const AGE: Buckets<4> = Buckets::new(AGE_EDGES);
const AMOUNT: MinMax = MinMax::new(AMOUNT_MIN, AMOUNT_MAX);
const PURPOSE: OneHot<4> = OneHot::new(["car", "holiday", "house", "study"]);
const EMPLOYER: Hashing<8> = Hashing;

/// Grades, and the probabilities of default at which one gives way to the next.
const GRADES: [&str; 5] = ["A", "B", "C", "D", "E"];
const GRADE: Buckets<4> = Buckets::new([0.05, 0.1, 0.2, 0.4]);

struct LoanRisk {
    income: Standard,
    /// `employer=..`, as the employer is hashed.
    name: String,
}

impl RowModel for LoanRisk {
    type Row<'a> = Application<'a>;
    type Answer = Risk;

    fn load(_config: &[u8]) -> Result<Self, Error> {
        let [mean, deviation] = INCOME;
        Ok(Self { income: Standard::new(mean, deviation), name: String::new() })
    }

    fn score(&mut self, asked: &Application<'_>) -> Result<Risk, Reject> {
        let age = Reject::unless_within("age", asked.age, 18.0..=100.0)?;
        let income = Reject::unless_within("income", asked.income, 0.0..=1e6)?;
        let amount = Reject::unless_within("amount", asked.amount, AMOUNT_MIN..=AMOUNT_MAX)?;
        let dependants = Reject::unless_within("dependants", asked.dependants, 0..=30)?;
        let purpose = PURPOSE.known("purpose", asked.purpose)?;

        let log_odds = INTERCEPT
            + BY_INCOME * self.income.apply(income)
            + BY_AMOUNT * AMOUNT.apply(amount)
            + at(&BY_AGE, AGE.index(age))
            + at(&BY_PURPOSE, Some(purpose))
            + asked.years_employed.map_or(BY_YEARS * YEARS + BY_YEARS_MISSING, |years| BY_YEARS * years)
            + BY_DEPENDANTS * dependants as f64
            + asked.employer.map_or(0.0, |employer| self.by_employer(employer));
        let probability = 1.0 / (1.0 + (-log_odds).exp());
        let grade = GRADE.index(probability).and_then(|grade| GRADES.get(grade)).copied();
        Ok(Risk { probability, grade: grade.ok_or_else(|| Reject::new("the probability is not a number"))? })
    }
}

impl LoanRisk {
    /// A category alone in its hashed columns, so its weight is that of one column.
    fn by_employer(&mut self, employer: &str) -> f64 {
        self.name.clear();
        self.name.push_str("employer=");
        self.name.push_str(employer);
        let (column, sign) = EMPLOYER.slot(&self.name);
        sign * at(&BY_EMPLOYER, Some(column))
    }
}

/// The weight of a bucket or a category: what a one-hot column would be multiplied with.
fn at(weights: &[f64], index: Option<usize>) -> f64 {
    index.and_then(|index| weights.get(index)).copied().unwrap_or_default()
}

sandstream_guest::export!(LoanRisk);
