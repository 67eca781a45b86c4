"""Programs that feed the parsers with whatever libFuzzer thinks of (`make fuzz`): no crash, no hang, no growth."""
