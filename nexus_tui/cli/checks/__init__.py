"""What ``nexus doctor`` looks at: each check says what it found, how good that is, and what would mend it."""
