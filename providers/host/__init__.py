"""The process in which the engine runs dynamic providers: the Pulumi SDK's host, extended for FlowLog."""
