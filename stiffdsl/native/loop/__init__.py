"""The control loop as code: aim, attempt, settle, save, and end on events in time."""
