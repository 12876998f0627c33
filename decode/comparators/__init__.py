"""Other ways to the same question, run beside ours on the same genes."""
