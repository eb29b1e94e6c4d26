"""What kd-keras compress and merge do."""
