#!/usr/bin/env python3
"""Reads event files of `kiln export --format tensorboard` with TensorBoard's own reader.

    python scripts/check_tensorboard.py FOLDER [WANTED.json]

Prints what it found, by run and tag; with WANTED.json, fails unless that is what it found. Needs
tensorboard.
"""

import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    scalars = {
        tag: [[event.step, event.wall_time, event.value] for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    content = events.PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    settings = {
        key: getattr(value, value.WhichOneof("kind"))
        for key, value in sorted(start.hparams.items())
    }
    end = content.get(metadata.SESSION_END_INFO_TAG)
    status = metadata.parse_session_end_info_plugin_data(end).status if end else None
    return {
        "scalars": scalars,
        "settings": settings,
        "group": start.group_name,
        "started": start.start_time_secs,
        "status": status,
    }


def main(folder, wanted=None):
    found = {
        path.parent.name: read(path.parent)
        for path in sorted(pathlib.Path(folder).glob("*/events.out.tfevents.*"))
    }
    if wanted is None:
        print(json.dumps(found, indent=1))
        return 0
    same = found == json.loads(pathlib.Path(wanted).read_text())
    print(f"{len(found)} runs: {'as wanted' if same else 'NOT as wanted'}")
    return 0 if same and found else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
