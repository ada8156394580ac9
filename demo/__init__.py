"""The built-in library: songs composed by rules and played through a General MIDI soundfont."""
