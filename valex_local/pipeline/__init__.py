"""Running a study: its steps, their status, and the executors that compute them."""
