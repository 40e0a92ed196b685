"""Pure decisions: values in, values out; time is an argument. No I/O, no clock, no task."""
