"""Wire vocabularies: events to frames, one file each, all pure."""
