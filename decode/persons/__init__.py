"""From tissues to persons: models of single samples, phenotypes, activities, and genes that respond to anything."""
