"""Fields on a line: cells, operators and conditions, put into equations of arrays."""
