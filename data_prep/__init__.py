"""From named public sources to the files that `decode` takes; run from a checkout, not part of the wheel."""
