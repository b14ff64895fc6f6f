"""Files and processes: arrays, JSON, folders that appear when complete."""
