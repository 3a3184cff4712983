"""`make up`, `preview`, `review`, `refresh`, `destroy` and `recover`: checks, a question, a run of Pulumi."""
