//! Numbers, exact: what is returned is the float nearest to the decimal text.

use super::fault::Fault;
use super::scan::Scan;

/// A number as it is written, checked against JSON's grammar.
struct Decimal {
    negative: bool,
    /// All digits before the exponent, without point, modulo 2^64.
    mantissa: u64,
    /// How many digits these are.
    digits: usize,
    /// Power of ten.
    exponent: i32,
    /// Neither point nor exponent.
    whole: bool,
}

/// Digits whose value always fits 64 bits.
const DIGITS_EXACT: usize = 19;
/// An exponent beyond it is as good as infinite; kept small so that sums cannot overflow.
const EXPONENT_MAX: i32 = 1 << 20;
/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

impl Scan<'_> {
    /// A number as a float.
    #[inline]
    pub(super) fn number(&mut self) -> Result<f64, Fault> {
        let start = self.at;
        let decimal = self.decimal()?;
        // Clinger's fast path: both operands are exact, so the one operation rounds once, correctly.
        if decimal.digits <= DIGITS_EXACT && decimal.mantissa <= 1 << 53 && (-22..=22).contains(&decimal.exponent) {
            let power = POWERS[decimal.exponent.unsigned_abs() as usize];
            let mantissa = decimal.mantissa as f64;
            let value = if decimal.exponent < 0 { mantissa / power } else { mantissa * power };
            return Ok(if decimal.negative { -value } else { value });
        }
        self.number_slow(start)
    }

    #[inline(never)]
    fn number_slow(&mut self, start: usize) -> Result<f64, Fault> {
        match fast_float2::parse::<f64, _>(&self.bytes[start..self.at]) {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => self.back_to(start, Fault::FloatRange),
            Err(_) => self.back_to(start, Fault::Number),
        }
    }

    /// A number as an integer.
    #[inline]
    pub(super) fn integer(&mut self) -> Result<i64, Fault> {
        let start = self.at;
        let decimal = self.decimal()?;
        if !decimal.whole {
            return self.back_to(start, Fault::Whole);
        }
        let value =
            if decimal.negative { 0i64.checked_sub_unsigned(decimal.mantissa) } else { i64::try_from(decimal.mantissa).ok() };
        match value {
            Some(value) if decimal.digits <= DIGITS_EXACT => Ok(value),
            _ => self.back_to(start, Fault::IntegerRange),
        }
    }

    /// Checks a number nobody wants. Like a wanted one, it must not be infinite.
    #[inline]
    pub(super) fn skip_number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let decimal = self.decimal()?;
        if decimal.exponent == 0 && decimal.digits <= 300 {
            return Ok(());
        }
        self.number_slow(start).map(|_| ())
    }

    #[inline(always)]
    fn decimal(&mut self) -> Result<Decimal, Fault> {
        let negative = self.peek() == b'-';
        if negative {
            self.at += 1;
        }
        let first = self.peek();
        let mut mantissa = 0;
        let mut digits = self.digits(&mut mantissa);
        if digits == 0 || (digits > 1 && first == b'0') {
            return Err(Fault::Number);
        }
        let (mut exponent, mut whole) = (0, true);
        if self.peek() == b'.' {
            self.at += 1;
            let fraction = self.digits(&mut mantissa);
            if fraction == 0 {
                return Err(Fault::Fraction);
            }
            digits += fraction;
            exponent = -(fraction.min(EXPONENT_MAX as usize) as i32);
            whole = false;
        }
        if matches!(self.peek(), b'e' | b'E') {
            exponent += self.exponent()?;
            whole = false;
        }
        Ok(Decimal { negative, mantissa, digits, exponent, whole })
    }

    /// Appends digits to `mantissa` and says how many there were.
    #[inline(always)]
    fn digits(&mut self, mantissa: &mut u64) -> usize {
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        self.at - start
    }

    fn exponent(&mut self) -> Result<i32, Fault> {
        self.at += 1;
        let minus = self.peek() == b'-';
        if matches!(self.peek(), b'+' | b'-') {
            self.at += 1;
        }
        let (start, mut value) = (self.at, 0i32);
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            value = (value * 10 + i32::from(digit - b'0')).min(EXPONENT_MAX);
            self.at += 1;
        }
        if self.at == start {
            return Err(Fault::Exponent);
        }
        Ok(if minus { -value } else { value })
    }
}
