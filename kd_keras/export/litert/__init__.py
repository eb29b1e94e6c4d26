"""The `.tflite` file and the runtimes that read it."""
