"""How a device is: one verdict, what it rests on, how long there is room, and how that is shown."""
