"""`make live`: one flow log on a real account, walked through its life beside the emulator."""
