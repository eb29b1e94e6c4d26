"""The work of `kd-keras compress` and `kd-keras merge`."""
