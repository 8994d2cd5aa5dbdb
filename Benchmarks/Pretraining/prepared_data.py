# SPDX-License-Identifier: Apache-2.0
"""What the scripts beside this one read of a directory that `illmrec data prepare` wrote."""
import json


def training_items(data):
    """(number, fields) of every item that somebody's training sequence holds."""
    sequences = json.loads((data / "train_users.json").read_text())
    seen = {str(event[0] if isinstance(event, list) else event) for events in sequences.values() for event in events}
    items = json.loads((data / "meta_info.json").read_text())
    return [(item, items[item]) for item in sorted(seen, key=int)]
