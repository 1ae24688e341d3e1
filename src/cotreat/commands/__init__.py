"""The commands, one module each: parse, call, print. Everything heavy is imported inside the command that needs it."""
