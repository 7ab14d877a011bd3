"""What a video holds: probe, sound, shots, keyframes."""
