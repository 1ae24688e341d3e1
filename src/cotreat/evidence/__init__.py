"""Published trials as typed, cited files; each arm is a regimen sentence."""
