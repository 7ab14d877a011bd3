"""The review page: people watch posts, read their scripts, and code values, in a browser on this machine."""
