"""Columns: what a row of a ledger tells; a row is one window of one picture through one network."""

from __future__ import annotations

from .. import names

CELL, NETWORK, PICTURE, SETTING = "cell", "network", "picture", "setting"
NETWORK_ID, PICTURE_ID, SETTING_ID = "network_id", "picture_id", "setting_id"
IDENTITIES = (NETWORK_ID, PICTURE_ID, SETTING_ID)
WINDOW = (names.REGION_Y, names.REGION_X, names.REGION_HEIGHT, names.REGION_WIDTH)
SEGMENT, PLACE = "segment", "place"
"""Where a row's arrays lie: in the arrays of a segment, and at which place there."""
ARRAYS = "arrays"
"""Names and shapes of a row's arrays, such as "attribution 64x64"."""
FAILURE, SECONDS, CREATED, MACHINE, DEVICE, VERSIONS = (
    names.FAILURE,
    "seconds",
    "created",
    "machine",
    "device",
    "versions",
)
WHOLE_RESULT = "whole"
"""Of a result that is kept as it is: dimensions, text and facts."""
SCALE, ROWS, COLUMNS = "scale", "rows", "columns"
"""Of the network, and of its input."""
TOLD = (NETWORK, PICTURE, SETTING, *IDENTITIES, ARRAYS, FAILURE, CREATED, MACHINE, DEVICE, VERSIONS, WHOLE_RESULT)
"""Columns of text, most of which repeat."""
WHOLE = (CELL, *WINDOW, PLACE, SCALE, ROWS, COLUMNS)
FACTS = (*TOLD, *WHOLE, SECONDS, SEGMENT)
"""Columns that are no findings: every other column is a number that was found."""
