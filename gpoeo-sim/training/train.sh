#!/bin/sh
# Trains the shipped sets, or with --tables yours: a virtual environment beside this file, the simulator for the pool of
# jobs, then train.py with all arguments.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -x "$here/.venv/bin/python" ]; then
    python3 -m venv "$here/.venv"
    "$here/.venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
fi
case " $* " in
    *" --tables "*) ;;
    *" --simulator "*) ;;
    *)
        target=${CARGO_TARGET_DIR:-"$here/../../target"}
        cargo build --quiet --release --package gpoeo-sim --manifest-path "$here/../../Cargo.toml"
        set -- --simulator "$target/release/gpoeo-sim" "$@"
        ;;
esac
exec "$here/.venv/bin/python" "$here/train.py" "$@"
