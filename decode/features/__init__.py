"""Binding sites counted in bins of promoters and RNAs: the container, the counting kernel and the HDF5 file."""
