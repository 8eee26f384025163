"""The `llmops` command: parse, call the library, print."""
