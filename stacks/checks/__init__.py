"""What is refused before anything changes. A check fetches nothing."""
