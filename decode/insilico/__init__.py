"""Sites taken away from genes in the computer: what the prediction owes to them."""
