"""Stack programs, with the stack files `Pulumi.<stack>.yaml` beside them: what a team writes down, made FlowLogs."""
