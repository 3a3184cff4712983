"""`make delivery`: whether the records of flow logs arrive in their log streams."""
