"""A provider that gives prompts back; how long it takes and how it ends is scripted by the task's input."""
