// drawings
