//! Least squares with coefficients that are not negative (Lawson and Hanson, "Solving Least Squares Problems", 1974), for
//! a handful of columns: on the normal equations, columns scaled to 1.

/// Coefficients `c >= 0` for which `sum_j c[j] columns[j]` is closest to `target`.
///
/// `columns` are as long as `target`. Cost: at most `3 n` solutions of a system of at most `n` columns.
pub(super) fn nnls(columns: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let count = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt().max(f64::MIN_POSITIVE)).collect();
    let gram = |a: usize, b: usize| dot(&columns[a], &columns[b]) / (scale[a] * scale[b]);
    let matrix: Vec<Vec<f64>> = (0..count).map(|a| (0..count).map(|b| gram(a, b)).collect()).collect();
    let right: Vec<f64> = (0..count).map(|a| dot(&columns[a], target) / scale[a]).collect();
    let tolerance = 1e-10 * right.iter().fold(0.0_f64, |most, value| most.max(value.abs()));

    let mut free: Vec<usize> = Vec::new();
    let mut solution = vec![0.0; count];
    for _ in 0..3 * count {
        let gradient = |a: usize| right[a] - (0..count).map(|b| matrix[a][b] * solution[b]).sum::<f64>();
        let bound = (0..count).filter(|a| !free.contains(a)).map(|a| (a, gradient(a)));
        let Some((next, slope)) = bound.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        if slope <= tolerance {
            break;
        }
        free.push(next);
        loop {
            let wanted = solve(&matrix, &right, &free);
            let step = free
                .iter()
                .zip(&wanted)
                .filter(|(_, wanted)| **wanted <= 0.0)
                .map(|(&a, wanted)| solution[a] / (solution[a] - wanted))
                .fold(f64::INFINITY, f64::min);
            if step > 1.0 {
                for (&a, &value) in free.iter().zip(&wanted) {
                    solution[a] = value;
                }
                break;
            }
            for (&a, &value) in free.iter().zip(&wanted) {
                solution[a] += step * (value - solution[a]);
            }
            // What has reached zero is bound again; the one that was freed last always moves away from it.
            free.retain(|&a| solution[a] > 1e-14);
            (0..count).filter(|a| !free.contains(a)).for_each(|a| solution[a] = 0.0);
            if free.is_empty() {
                break;
            }
        }
    }
    solution.iter().zip(scale).map(|(value, scale)| value / scale).collect()
}

/// Solves the part of a symmetric system that belongs to `free`, by elimination with pivots; a touch of ridge keeps
/// columns apart that are nearly the same.
fn solve(matrix: &[Vec<f64>], right: &[f64], free: &[usize]) -> Vec<f64> {
    const RIDGE: f64 = 1e-11;
    let count = free.len();
    let mut rows: Vec<Vec<f64>> = free
        .iter()
        .map(|&a| {
            let row = free.iter().map(|&b| matrix[a][b] + if a == b { RIDGE } else { 0.0 });
            row.chain([right[a]]).collect()
        })
        .collect();
    for column in 0..count {
        let pivot = (column..count).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()));
        rows.swap(column, pivot.unwrap_or(column));
        let pivot_row = rows[column].clone();
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row[column] / pivot_row[column];
            row.iter_mut().zip(&pivot_row).skip(column).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let mut solution = vec![0.0; count];
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|column| rows[row][column] * solution[column]).sum();
        solution[row] = (rows[row][count] - known) / rows[row][row];
    }
    solution
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(columns: &[Vec<f64>], target: &[f64], coefficients: &[f64]) -> f64 {
        let sum = |row: usize| columns.iter().zip(coefficients).map(|(column, c)| c * column[row]).sum::<f64>();
        (0..target.len()).map(|row| (sum(row) - target[row]).powi(2)).sum()
    }

    #[test]
    fn finds_the_coefficients_of_an_exact_sum() {
        let columns = vec![vec![1.0; 6], (0..6).map(f64::from).collect(), (0..6).map(|i| f64::from(i * i)).collect()];
        let target: Vec<f64> = (0..6).map(|i| 3.0 + 0.5 * f64::from(i * i)).collect();
        let found = nnls(&columns, &target);
        assert!((found[0] - 3.0).abs() < 1e-6 && found[1].abs() < 1e-6 && (found[2] - 0.5).abs() < 1e-6, "{found:?}");
    }

    proptest! {
        #[test]
        fn no_small_step_within_bounds_is_better(
            columns in prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, 8), 1..5),
            target in prop::collection::vec(-1.0..1.0_f64, 8),
        ) {
            let found = nnls(&columns, &target);
            prop_assert!(found.iter().all(|&coefficient| coefficient >= 0.0));
            let least = error(&columns, &target, &found);
            for index in 0..found.len() {
                for step in [-1e-3, 1e-3] {
                    let mut other = found.clone();
                    other[index] = (other[index] + step).max(0.0);
                    prop_assert!(error(&columns, &target, &other) >= least - 1e-8);
                }
            }
        }
    }
}
