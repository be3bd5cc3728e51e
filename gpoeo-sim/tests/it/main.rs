//! Integration tests, one file a contract.

mod cli_evaluate;
