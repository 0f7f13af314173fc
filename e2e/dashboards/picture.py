# SPDX-License-Identifier: Apache-2.0
"""Pages as pictures, by Chromium without a window."""

import pathlib
import subprocess
import tempfile


def take(url, path, width, height):
    """Write the page as a PNG once it has loaded what it shows."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",  # it is root here, and shows nothing but our own pages
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--virtual-time-budget=20000",
                f"--screenshot={path}",
                url,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
    if done.returncode or not pathlib.Path(path).is_file():
        raise RuntimeError(f"no picture of {url}:\n{done.stdout[-2000:]}")
