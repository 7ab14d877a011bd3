"""The machine: devices, memory, the network guard, optional modules."""
