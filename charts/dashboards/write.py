#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the dashboards that the chart installs. Run it after a change here.

  write.py [FOLDER]     by default charts/taskgroup/files/dashboards
"""

import pathlib
import sys

import authors
import grafana
import platform_team

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "taskgroup" / "files" / "dashboards"


def made():
    """Name of each file, and its text."""
    both = (platform_team.make(), authors.make())
    return {f"{one['uid']}.json": grafana.as_text(one) for one in both}


def main(arguments):
    folder = pathlib.Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made().items():
        (folder / name).write_text(text)
        print(folder / name)


if __name__ == "__main__":
    main(sys.argv[1:])
