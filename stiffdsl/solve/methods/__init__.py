"""The methods: tableaus and formulas."""
