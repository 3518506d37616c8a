-- A change of one tool map is read back with the others of its toolkit, not with all there are.
CREATE INDEX tool_maps_by_toolkit ON tool_maps (toolkit, tool, vendor);
