"""What a trained model says: transcript usage, rankings, tests and enrichments."""
