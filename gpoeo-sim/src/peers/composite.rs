//! GPOEO's one signal from three (§2 of the description): sums or differences, whichever move more.

/// Power, SM and memory utilisation, all in per cent, as one series.
pub(super) fn composite([power, sm, mem]: &[Vec<f64>; 3]) -> Vec<f64> {
    let both = stronger(power, sm);
    let mut all = stronger(&both, mem);
    all.iter_mut().for_each(|value| *value /= 3.0);
    all
}

/// `a + b` or `a - b`: the one with the larger spread.
fn stronger(a: &[f64], b: &[f64]) -> Vec<f64> {
    let with = |sign: f64| a.iter().zip(b).map(|(a, b)| a + sign * b).collect::<Vec<_>>();
    let (sum, difference) = (with(1.0), with(-1.0));
    if spread(&sum) > spread(&difference) { sum } else { difference }
}

/// Mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Population standard deviation.
pub(super) fn spread(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_move_against_each_other_are_subtracted() {
        let up = vec![0.0, 3.0, 0.0, 3.0];
        let down = vec![6.0, 0.0, 6.0, 0.0];
        assert_eq!(composite(&[up.clone(), down, vec![0.0; 4]]), [-2.0, 1.0, -2.0, 1.0]);
        assert_eq!(composite(&[up.clone(), up.clone(), up]), [0.0, 3.0, 0.0, 3.0]);
    }
}
