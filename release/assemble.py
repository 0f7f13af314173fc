#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Put what was built into dist/taskgroup-VERSION: chart, manifests, images, CLI, SBOM, checksums.

release/build calls it, with REGISTRY and SOURCE_DATE_EPOCH in the environment.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / "charts" / "helm"
IMAGES = ("controller", "agent")
NAMESPACE = "taskgroup-system"
# Libraries that are all header, or linked statically: no file of theirs is to be seen in an image.
COMPILED_IN = ("nlohmann-json3-dev", "libcli11-dev", "libexpected-dev", "libfmt-dev", "libre2-dev",
               "libyaml-cpp-dev", "zlib1g-dev", "libssl-dev", "libstdc++-12-dev", "libstdc++-14-dev",
               "libc6-dev")


def version():
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"^ *VERSION ([0-9.]+)$", text, re.M)[1]


def archive(files, epoch):
    """Return a tar.gz of {name: (bytes, mode)}; equal for equal files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (data, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, epoch
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def read_folder(folder, prefix):
    """Return {name: (bytes, mode)} of all files under a folder, links followed."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
            files[f"{prefix}/{path.relative_to(folder).as_posix()}"] = (path.read_bytes(), mode)
    return files


def fill_in(values, part, repository, digest):
    """Return the text of values.yaml with an image's name in it, and all comments as they were."""
    begin = re.search(rf"^{part}:\n", values, re.M)
    if not begin:
        raise SystemExit(f"values.yaml has no {part}")
    head, rest = values[: begin.end()], values[begin.end() :]
    for key, value in (("repository", repository), ("digest", digest)):
        rest, count = re.subn(rf'^(    {key}: )""$', rf'\g<1>"{value}"', rest, count=1, flags=re.M)
        if not count:
            raise SystemExit(f"values.yaml has no empty {part}.image.{key}")
    return head + rest


def package_chart(chart, images, epoch):
    """Return the bytes of the chart's package, which installs without any value."""
    files = read_folder(chart, "taskgroup")
    values = files["taskgroup/values.yaml"][0].decode()
    for part, (repository, digest) in images.items():
        values = fill_in(values, part, repository, digest)
    files["taskgroup/values.yaml"] = (values.encode(), 0o644)
    return archive(files, epoch)


def render(package):
    """Return the text of install.yaml: what helm would install, for those without helm."""
    command = [HELM, "template", "taskgroup", package, "--namespace", NAMESPACE, "--skip-tests",
               "--kube-version=1.29.0"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("helm cannot render the package; see above")
    text = "".join(line for line in done.stdout.splitlines(keepends=True)
                   if not re.match(r" *app.kubernetes.io/managed-by: Helm$", line.rstrip()))
    return f"""\
# SPDX-License-Identifier: Apache-2.0
# TaskGroup {version()} without helm: kubectl apply --server-side --filename install.yaml
# Made from the chart with its default values.
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/part-of: taskgroup
    pod-security.kubernetes.io/enforce: restricted
{text}"""


def debian_packages(names):
    """Return {name: (version, licence file)} of those packages that are installed."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n",
                           *names], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found = (line.split() for line in done.stdout.splitlines())
    return {words[0]: words[1] for words in found if words[-1] == "installed"}


def httplib_version():
    """Return the version of cpp-httplib that was compiled, or None: it may come as mere source."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for header in (cache / "taskgroup/cpp-httplib/httplib.h", Path("/usr/include/httplib.h")):
        if header.is_file():
            return re.search(r'CPPHTTPLIB_VERSION "(.*)"', header.read_text())[1]
    return None


def bill_of_materials(images, epoch, root_of_controller):
    """Return an SPDX document: our programs, the images, and whose code is in them."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    own = version()

    def package(identity, name, version, download="NOASSERTION", **more):
        return {"SPDXID": f"SPDXRef-{identity}", "name": name, "versionInfo": version,
                "downloadLocation": download, "filesAnalyzed": False,
                "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
                "copyrightText": "NOASSERTION", **more}

    packages = [package("taskgroup", "taskgroup", own, licenseDeclared="Apache-2.0")]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-taskgroup")]
    for part, (repository, digest) in images.items():
        packages.append(package(f"image-{part}", repository, own, checksums=[
            {"algorithm": "SHA256", "checksumValue": digest.removeprefix("sha256:")}]))
        relations.append((f"SPDXRef-image-{part}", "CONTAINS", "SPDXRef-taskgroup"))
    loaded = sorted(path.name for path in (root_of_controller / "usr/share/doc").glob("*"))
    for name, found in sorted(debian_packages({*loaded, *COMPILED_IN}).items()):
        identity = "deb-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
        packages.append(package(identity, name, found, externalRefs=[{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name}@{found}"}]))
        if name in loaded:
            relations.append(("SPDXRef-image-controller", "CONTAINS", f"SPDXRef-{identity}"))
        else:
            relations.append((f"SPDXRef-{identity}", "BUILD_DEPENDENCY_OF", "SPDXRef-taskgroup"))
    if found := httplib_version():
        packages.append(package("cpp-httplib", "cpp-httplib", found, licenseDeclared="MIT"))
        relations.append(("SPDXRef-cpp-httplib", "BUILD_DEPENDENCY_OF", "SPDXRef-taskgroup"))
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"taskgroup-{own}",
        "documentNamespace": f"https://taskgroup.dev/spdx/{own}/" + images["controller"][1][7:23],
        "creationInfo": {"created": created, "creators": ["Tool: release/assemble.py"]},
        "packages": packages,
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in relations],
    }, indent=1) + "\n"


def assemble(output, chart, layouts, digests, programs, registry, epoch, root_of_controller,
             architecture):
    """Write the release into a folder, in the place of what is there."""
    own = version()
    images = {part: (f"{registry}/taskgroup-{part}", digests[part]) for part in IMAGES}
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)

    package = output / f"taskgroup-{own}.tgz"
    package.write_bytes(package_chart(chart, images, epoch))
    (output / "install.yaml").write_text(render(package))
    shutil.copyfile(ROOT / "crds" / "taskgroup.yaml", output / "crds.yaml")
    for part in IMAGES:
        # As `skopeo copy oci-archive:` and `podman load` take it.
        plain = gzip.decompress(archive(
            {name.split("/", 1)[1]: (data, 0o644)
             for name, (data, _) in read_folder(layouts / f"taskgroup-{part}", "layout").items()},
            epoch))
        (output / f"taskgroup-{part}-{own}.oci.tar").write_bytes(plain)
    folder = f"taskgroup-{own}-linux-{architecture}"
    files = {f"{folder}/{name}": ((programs / name).read_bytes(), 0o755)
             for name in ("taskgroup", "taskgroup-agent")}
    files[f"{folder}/LICENSE"] = ((ROOT / "LICENSE").read_bytes(), 0o644)
    files.update(read_folder(ROOT / "examples", f"{folder}/examples"))
    (output / f"{folder}.tar.gz").write_bytes(archive(files, epoch))
    (output / f"taskgroup-{own}.spdx.json").write_text(
        bill_of_materials(images, epoch, root_of_controller))
    readme = (ROOT / "release" / "README.md").read_text()
    for name, value in (("VERSION", own), ("REGISTRY", registry), ("ARCHITECTURE", architecture)):
        readme = readme.replace(f"@{name}@", value)
    (output / "README.md").write_text(readme)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
                   for path in sorted(output.iterdir()))
    (output / "SHA256SUMS").write_text(sums)
    return output


def main():
    architecture = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, text=True,
                                  check=True).stdout.strip()
    build = ROOT / "build"
    output = assemble(
        ROOT / "dist" / f"taskgroup-{version()}", ROOT / "charts" / "taskgroup", build / "image",
        {part: (build / "image" / f"taskgroup-{part}.digest").read_text().strip() for part in IMAGES},
        build / "release-cli" / "bin", os.environ["REGISTRY"].rstrip("/"),
        int(os.environ["SOURCE_DATE_EPOCH"]), build / "image/root/taskgroup-controller" / architecture,
        architecture)
    for path in sorted(output.iterdir()):
        print(f"{path.stat().st_size:>10}  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
