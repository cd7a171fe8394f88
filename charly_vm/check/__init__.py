"""What a step means: pure matchers, and verbs over anything that runs commands in a guest."""
