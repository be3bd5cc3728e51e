//! Minimum of a function of a few variables without derivatives (Nelder and Mead, 1965).

/// Where a search ended.
#[derive(Clone, Debug)]
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
}

/// Searches from `start`, with a first step of `step` along each variable, until the values of the simplex differ by less
/// than `tolerance` or `most` evaluations are used up.
pub(super) fn minimize(
    start: &[f64],
    step: f64,
    tolerance: f64,
    most: usize,
    mut function: impl FnMut(&[f64]) -> f64,
) -> Minimum {
    let count = start.len();
    // A function may be undefined somewhere; there it is as bad as can be.
    let mut evaluate = |at: &[f64]| Some(function(at)).filter(|value| !value.is_nan()).unwrap_or(f64::INFINITY);
    let mut corners: Vec<Minimum> = (0..=count)
        .map(|corner| {
            let mut at = start.to_vec();
            if corner > 0 {
                at[corner - 1] += step;
            }
            let value = evaluate(&at);
            Minimum { at, value }
        })
        .collect();
    let mut used = count + 1;
    while used < most {
        corners.sort_by(|a, b| a.value.total_cmp(&b.value));
        if corners[count].value - corners[0].value < tolerance {
            break;
        }
        let centre: Vec<f64> = (0..count)
            .map(|index| corners[..count].iter().map(|corner| corner.at[index]).sum::<f64>() / count as f64)
            .collect();
        let mut beyond = |corners: &[Minimum], factor: f64| {
            let at: Vec<f64> = centre
                .iter()
                .zip(&corners[count].at)
                .map(|(centre, worst)| centre + factor * (centre - worst))
                .collect();
            let value = evaluate(&at);
            Minimum { at, value }
        };
        let reflected = beyond(&corners, 1.0);
        used += 1;
        let replacement = if reflected.value < corners[0].value {
            used += 1;
            let expanded = beyond(&corners, 2.0);
            if expanded.value < reflected.value { expanded } else { reflected }
        } else if reflected.value < corners[count - 1].value {
            reflected
        } else {
            used += 1;
            let factor = if reflected.value < corners[count].value { 0.5 } else { -0.5 };
            let contracted = beyond(&corners, factor);
            if contracted.value < corners[count].value.min(reflected.value) {
                contracted
            } else {
                let best = corners[0].at.clone();
                for corner in &mut corners[1..] {
                    corner.at.iter_mut().zip(&best).for_each(|(value, best)| *value = best + 0.5 * (*value - best));
                    corner.value = evaluate(&corner.at);
                }
                used += count;
                continue;
            }
        };
        corners[count] = replacement;
    }
    corners.sort_by(|a, b| a.value.total_cmp(&b.value));
    corners.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_valley_of_rosenbrock() {
        let valley = |at: &[f64]| (1.0 - at[0]).powi(2) + 100.0 * (at[1] - at[0].powi(2)).powi(2);
        let found = minimize(&[-1.2, 1.0], 0.5, 1e-14, 2000, valley);
        assert!((found.at[0] - 1.0).abs() < 1e-4 && (found.at[1] - 1.0).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn survives_where_the_function_is_undefined() {
        let found = minimize(&[2.0], 0.5, 1e-12, 500, |at| if at[0] < 0.0 { f64::NAN } else { at[0] });
        assert!(found.at[0].abs() < 1e-3, "{found:?}");
    }
}
