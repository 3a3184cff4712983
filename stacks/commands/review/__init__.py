"""`make review`: what a preview would change, as a comment for a pull request and as text."""
