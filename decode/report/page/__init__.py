"""Self-contained HTML pages: what they are put together from, and the report of finished runs."""
