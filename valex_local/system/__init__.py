"""The machine: devices, memory, the network guard, modules that may be missing."""
