"""What only the rules as a whole can show: names that lead nowhere, texts that are too long, cases left open."""
