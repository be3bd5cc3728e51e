//! What is said to arguments that cannot be.

use clap::error::ErrorKind;

/// One or two lines: what is wrong, and what may have been meant or where help is.
pub(crate) fn in_short(error: &clap::Error, subcommand: Option<&str>) -> String {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("say what to do\n{}", text.trim_end());
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    let (tips, said): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with("tip: "));
    let said = said.join(" ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    match (tips.first(), subcommand.filter(|name| !name.starts_with('-'))) {
        (Some(tip), _) => format!("{said}\n{tip}"),
        (None, Some(subcommand)) if error.kind() != ErrorKind::InvalidSubcommand => {
            format!("{said}\nmore: gpoeo-sim {subcommand} --help")
        }
        (None, _) => format!("{said}\nmore: gpoeo-sim --help"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn said(arguments: &[&str]) -> String {
        let value = clap::Arg::new("minutes").long("minutes").value_parser(["5", "20"]);
        let command = Command::new("gpoeo-sim").subcommand_required(true).subcommand(Command::new("run").arg(value));
        let error = command.try_get_matches_from([&["gpoeo-sim"], arguments].concat()).unwrap_err();
        in_short(&error, arguments.first().copied())
    }

    #[test]
    fn two_lines_say_what_and_how() {
        let value = said(&["run", "--minutes", "21"]);
        assert!(
            value.starts_with("invalid value '21' for '--minutes <minutes>' [possible values: 5, 20]\n"),
            "{value}"
        );
        let option = said(&["run", "--minuts", "5"]);
        assert_eq!(option, "unexpected argument '--minuts' found\ntip: a similar argument exists: '--minutes'");
        assert_eq!(said(&["rum"]), "unrecognized subcommand 'rum'\ntip: a similar subcommand exists: 'run'");
        assert_eq!(said(&["run", "x"]), "unexpected argument 'x' found\nmore: gpoeo-sim run --help");
    }
}
