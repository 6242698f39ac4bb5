"""The methods, a room for each: its formula, its fit, and what it stores."""
