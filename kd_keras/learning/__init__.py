"""Codes learned from a trained table or taken from a trained model."""
