"""The machine: devices, precision, threads, memory, ONNX sessions, and how this program is installed."""
