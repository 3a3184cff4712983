"""`make coverage`: which attachments are logged now, as a table and as a page."""
