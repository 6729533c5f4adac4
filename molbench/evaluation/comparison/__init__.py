"""Models compared task by task from their stored predictions."""
