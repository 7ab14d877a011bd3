"""`valex review`: a page on this machine on which people code the posts of a study."""
