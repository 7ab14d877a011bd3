"""Running a study: which steps there are, which of them are due, and the executors that compute them."""
