"""What a compressed table is worth: measured, told and drawn."""
