"""The stack program, beside the stack files `Pulumi.<stack>.yaml` that it turns into FlowLogs."""
