"""How well do models predict: predictions, baselines, cross-validation, calibration, refits."""
