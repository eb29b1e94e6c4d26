"""What one hands to fit: callbacks, and an optimizer for sparse gradients."""
