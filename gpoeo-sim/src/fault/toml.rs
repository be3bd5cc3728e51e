//! A plan as a TOML file: a `[[fault]]` for each.
//!
//! ```toml
//! [[fault]]
//! what = "cap-thermal=1200"   # a knob with its value
//! from_s = 300
//! for_s = 60                  # to the end unless given
//! probability = 1.0           # of each call (sample, second) that it is about
//! ```

use serde::Deserialize;

use super::plan::{FaultError, FaultPlan, PlannedFault};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    #[serde(default)]
    fault: Vec<FaultTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultTable {
    what: String,
    from_s: Option<f64>,
    for_s: Option<f64>,
    probability: Option<f64>,
}

impl FaultPlan {
    /// Reads a plan from TOML.
    ///
    /// # Errors
    /// [`FaultError`] about the first fault that cannot be understood, or the file as a whole.
    pub fn from_toml(text: &str) -> Result<Self, FaultError> {
        let file: PlanFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let reason = format!("line {line}: {}", error.message().replace('\n', " "));
            FaultError { fault: "plan".to_owned(), reason }
        })?;
        if file.fault.is_empty() {
            let reason = "there is no fault; write at least one [[fault]]".to_owned();
            return Err(FaultError { fault: "plan".to_owned(), reason });
        }
        Ok(Self::new(file.fault.iter().map(planned).collect::<Result<_, _>>()?))
    }
}

fn planned(table: &FaultTable) -> Result<PlannedFault, FaultError> {
    if table.what.contains(['@', ',']) {
        let reason = "write one fault, and its schedule in from_s, for_s and probability".to_owned();
        return Err(FaultError { fault: table.what.clone(), reason });
    }
    // One way in: the same checks, the same words.
    let knob = |key: &str, value: Option<f64>| value.map_or_else(String::new, |value| format!("@{key}={value}"));
    let text = [table.what.clone(), knob("t", table.from_s), knob("for", table.for_s), knob("p", table.probability)];
    let plan: FaultPlan = text.concat().parse()?;
    plan.faults().first().copied().ok_or_else(|| FaultError {
        fault: table.what.clone(),
        reason: "it is empty; write what goes wrong".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_the_same_as_the_knobs() {
        let file = "[[fault]]\nwhat = \"cap-thermal=1200\"\nfrom_s = 300\nfor_s = 60\n\n\
                    [[fault]]\nwhat = \"hang=2.5\"\nprobability = 0.1\n";
        let plan = FaultPlan::from_toml(file).unwrap();
        assert_eq!(plan.to_string(), "cap-thermal=1200@t=300@for=60,hang=2.5@p=0.1");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let message = |text: &str| FaultPlan::from_toml(text).unwrap_err().to_string();
        assert_eq!(message(""), "fault \"plan\": there is no fault; write at least one [[fault]]");
        assert!(
            message("[[fault]]\nwhat = 3\n").starts_with("fault \"plan\": line 2: invalid type"),
            "{}",
            message("[[fault]]\nwhat = 3\n")
        );
        assert!(message("[[fault]]\nwhat = \"lost\"\nwhen = 3\n").contains("line 3: unknown field `when`"));
        assert!(message("[[fault]]\nwhat = \"lost\"\nfrom_s = -3\n").contains("no schedule"));
        assert!(message("[[fault]]\nwhat = \"\"\n").contains("write what goes wrong"));
        assert!(message("[[fault]]\nwhat = \"lost@t=3\"\n").contains("its schedule in from_s"));
        assert!(message("[[fault]]\nwhat = \"fire\"\n").contains("there is no such fault"));
    }
}
