"""From YAML that staff write to a rulebook, with every mistake named by file, line and column."""
