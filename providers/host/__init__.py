"""The process in which the engine runs dynamic providers: the Pulumi SDK's own, widened for FlowLog."""
