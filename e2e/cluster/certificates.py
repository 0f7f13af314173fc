# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of one cluster, made by openssl; thrown away with it."""

import subprocess


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def _new_key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def make_authority(folder):
    """Make ca.key and ca.crt."""
    _new_key(folder / "ca.key")
    _openssl(
        "req",
        "-x509",
        "-key",
        folder / "ca.key",
        "-out",
        folder / "ca.crt",
        "-subj",
        "/CN=taskgroup-e2e",
        "-days",
        "30",
    )


def make_certificate(folder, name, subject, alternatives=()):
    """Make NAME.key and NAME.crt, signed by the folder's authority, also for `alternatives`."""
    _new_key(folder / f"{name}.key")
    request = [
        "req",
        "-new",
        "-key",
        folder / f"{name}.key",
        "-out",
        folder / f"{name}.csr",
        "-subj",
        subject,
    ]
    if alternatives:
        request += ["-addext", "subjectAltName=" + ",".join(alternatives)]
    _openssl(*request)
    _openssl(
        "x509",
        "-req",
        "-in",
        folder / f"{name}.csr",
        "-out",
        folder / f"{name}.crt",
        "-CA",
        folder / "ca.crt",
        "-CAkey",
        folder / "ca.key",
        "-CAcreateserial",
        "-copy_extensions",
        "copy",
        "-days",
        "30",
    )
    (folder / f"{name}.csr").unlink()


def make_signing_key(folder, name):
    """Make NAME.key, an RSA key such as signs the tokens of service accounts."""
    _openssl("genrsa", "-out", folder / f"{name}.key", "2048")
