"""What every other wing uses: errors, argument checks, cores, progress."""
