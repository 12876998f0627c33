"""Search for hyper-parameters with KerasTuner, on one machine or with a chief and workers."""
